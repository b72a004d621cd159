using System.Diagnostics;
using System.Runtime.InteropServices;
using BigFs.Faults.Driver;

namespace BigFs.Faults.Tests;

/// <summary>The fault build: where it is, and its driver as a process.</summary>
internal static class FaultBuild
{
    private static readonly string? Folder = Environment.GetEnvironmentVariable("BIGFS_FAULT_BUILD");

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    /// <summary>Skips the test unless scenarios are asked for and the fault build is there.</summary>
    public static void Require()
    {
        ScenarioLevel.Require();
        if (Folder is null)
        {
            Assert.Ignore("Needs the fault build: CONTRIBUTING.md tells how it is made and named by BIGFS_FAULT_BUILD.");
        }

        Assert.That(File.Exists(Assembly("BigFs.Faults.Driver")), "the fault build's driver");
    }

    /// <summary>An assembly of the fault build.</summary>
    public static string Assembly(string project) =>
        Path.Combine(Folder!, "bin", project, "release", project + ".dll");

    /// <summary>Starts the driver.</summary>
    /// <param name="crashPoint">Where it is to die; null: nowhere.</param>
    /// <param name="canary">Which promise it breaks; null: none.</param>
    /// <param name="arguments">What it does.</param>
    public static Process Start(string? crashPoint, string? canary, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Assembly("BigFs.Faults.Driver"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["BIGFS_CRASH_POINT"] = crashPoint;
        start.Environment["BIGFS_CANARY"] = canary;
        start.Environment["DOTNET_TieredPGO"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>Starts the driver under another program that watches it.</summary>
    public static Process StartUnder(string program, IEnumerable<string> options, IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, [.. options, "dotnet", Assembly("BigFs.Faults.Driver"), .. arguments])
        {
            RedirectStandardOutput = true,
        })!;

    /// <summary>Runs the driver to its end or death, tells the oracle all it said, and returns how it ended.</summary>
    public static async Task<DriverEnd> RunAsync(string? crashPoint, string? canary, Oracle oracle, params IEnumerable<string> arguments)
    {
        using Process process = Start(crashPoint, canary, arguments);
        return await FollowAsync(process, oracle, _ => { });
    }

    /// <summary>Reads a driver's lines until it is gone, calling back with the number of acknowledgements so far.</summary>
    public static async Task<DriverEnd> FollowAsync(Process process, Oracle oracle, Action<int> acknowledged)
    {
        bool isDone = false;
        int count = 0;
        while (await process.StandardOutput.ReadLineAsync().WaitAsync(Deadline) is { } text)
        {
            isDone |= text == Line.Done;
            if (Line.Parse(text) is { } line)
            {
                oracle.Note(line);
                if (line.IsAcknowledged)
                {
                    acknowledged(++count);
                }
            }
        }

        await process.WaitForExitAsync().WaitAsync(Deadline);
        return new DriverEnd(process.ExitCode, isDone);
    }

    public static void Kill(Process process) => _ = Signal(process.Id, 9);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int processId, int signal);
}

/// <summary>How a driver ended.</summary>
/// <param name="ExitCode">128 and the signal when it was killed.</param>
/// <param name="IsDone">Whether it had done everything and closed its store.</param>
internal sealed record DriverEnd(int ExitCode, bool IsDone)
{
    public bool IsKilled => ExitCode == 128 + 9;
}

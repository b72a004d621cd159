using System.Diagnostics;
using System.Runtime.InteropServices;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>The built program as a process: fed, read, measured and, where a scenario says so, killed.</summary>
internal sealed class BigfsProgram : IAsyncDisposable
{
    public const int SignalInterrupt = 2;
    public const int SignalKill = 9;
    public const int SignalTerminate = 15;
    public const int SignalContinue = 18;
    public const int SignalStop = 19;

    private static readonly TimeSpan ExitDeadline = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly List<string> _errorLines = [];
    private readonly Task _errors;
    private readonly Task<long> _peak;

    private BigfsProgram(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.Environment.Remove("BIGFS_ENDPOINT");
        _process = Process.Start(start)!;
        ProcessId = _process.Id;
        _errors = ReadErrorsAsync();
        _peak = WatchMemoryAsync();
    }

    public int ProcessId { get; }

    public Stream Input => _process.StandardInput.BaseStream;

    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>What it wrote on standard error so far.</summary>
    public string[] ErrorLines
    {
        get
        {
            lock (_lock)
            {
                return [.. _errorLines];
            }
        }
    }

    /// <summary>
    /// How the program is started: as the build of this configuration left it, or the one that BIGFS_TEST_PROGRAM names, such as a
    /// published one.
    /// </summary>
    private static string[] Program
    {
        get
        {
            if (Environment.GetEnvironmentVariable("BIGFS_TEST_PROGRAM") is { Length: > 0 } published)
            {
                return [published];
            }

            string configuration = new DirectoryInfo(TestContext.CurrentContext.TestDirectory).Parent!.Name;
            return
            [
                "dotnet",
                Path.Combine(Errors.ErrorTable.RepositoryRoot(), "src", "BigFs.Cli", "bin", configuration, "net10.0", "bigfs.dll"),
            ];
        }
    }

    public static BigfsProgram Start(params IEnumerable<string> arguments) =>
        new(new ProcessStartInfo(Program[0], [.. Program[1..], .. arguments]));

    /// <summary>Starts a line that the program gave, from another folder than this one.</summary>
    public static BigfsProgram StartLine(string line) =>
        new(new ProcessStartInfo("/bin/sh", ["-c", "exec " + line]) { WorkingDirectory = Path.GetTempPath() });

    /// <summary>Runs a command to its end, with nothing on standard input.</summary>
    public static async Task<ProgramResult> RunAsync(params IEnumerable<string> arguments)
    {
        await using BigfsProgram program = Start(arguments);
        program.Input.Close();
        return await program.FinishAsync();
    }

    public void Signal(int signal) => Signal(ProcessId, signal);

    public static void Signal(int processId, int signal) => _ = Kill(processId, signal);

    public static bool IsAlive(int processId)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{processId}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The next line on standard output; fails with what it said when it ends instead.</summary>
    public async Task<string> ReadLineAsync(TimeSpan deadline)
    {
        string? line = await _process.StandardOutput.ReadLineAsync().WaitAsync(deadline);
        if (line is null)
        {
            await _errors;
            Assert.Fail($"bigfs ended with {await ExitAsync()}: {string.Join('\n', ErrorLines)}");
        }

        return line!;
    }

    /// <summary>Reads standard output to its end and waits for the process.</summary>
    public async Task<ProgramResult> FinishAsync()
    {
        var output = new MemoryStream();
        await Output.CopyToAsync(output);
        int exitCode = await ExitAsync();
        await _errors;
        return new ProgramResult(exitCode, output.ToArray(), ErrorLines, await _peak);
    }

    /// <summary>Waits for the end; standard output must be read by someone.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(ExitDeadline);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signal(SignalKill);
        }

        await _process.WaitForExitAsync();
        await _errors;
        await _peak;
        _process.Dispose();
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_lock)
            {
                _errorLines.Add(line);
            }
        }
    }

    /// <summary>The highest resident set (VmHWM), read while the process lives: it is gone with it.</summary>
    private async Task<long> WatchMemoryAsync()
    {
        long peak = 0;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
        do
        {
            try
            {
                string? line = File.ReadLines($"/proc/{ProcessId}/status")
                    .FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
                peak = line is null ? peak : Math.Max(peak, long.Parse(line["VmHWM:".Length..].Replace("kB", ""), null) << 10);
            }
            catch (IOException)
            {
                break; // The process is gone.
            }
        }
        while (!_process.HasExited && await timer.WaitForNextTickAsync());
        return peak;
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int processId, int signal);
}

/// <summary>How a program ended.</summary>
internal sealed record ProgramResult(int ExitCode, byte[] Output, string[] ErrorLines, long PeakResidentBytes)
{
    public string Text => System.Text.Encoding.UTF8.GetString(Output);

    public string Error => string.Join('\n', ErrorLines);
}

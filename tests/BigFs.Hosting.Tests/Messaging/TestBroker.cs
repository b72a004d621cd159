using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>
/// The Kafka broker that BIGFS_TEST_KAFKA names ("host:port"). Its process is found by its port, so that it can be paused,
/// killed and started again as it was; where that is not possible (it runs elsewhere), those tests are skipped.
/// </summary>
internal sealed class TestBroker
{
    private const int SignalKill = 9;
    private const int SignalContinue = 18;
    private const int SignalStop = 19;

    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);

    private readonly string[] _command;
    private readonly string _folder;
    private int _processId;

    private TestBroker(int processId)
    {
        _processId = processId;
        _command = File.ReadAllText($"/proc/{processId}/cmdline").TrimEnd('\0').Split('\0');
        _folder = Path.GetDirectoryName(Path.GetFullPath(_command[^1])) ?? "/";
    }

    /// <summary>The broker's address; skips the test when there is none.</summary>
    public static string RequireAddress()
    {
        string? address = Environment.GetEnvironmentVariable("BIGFS_TEST_KAFKA");
        if (string.IsNullOrEmpty(address))
        {
            Assert.Ignore("no broker: set BIGFS_TEST_KAFKA=HOST:PORT of a Kafka broker for tests");
        }

        return address!;
    }

    /// <summary>The broker's process; skips the test when it is none on this machine.</summary>
    public static TestBroker RequireProcess()
    {
        string address = RequireAddress();
        int port = int.Parse(address[(address.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture);
        int? processId = OperatingSystem.IsLinux() ? FindListener(port) : null;
        if (processId is null)
        {
            Assert.Ignore($"no broker process: what listens at {address} is no process of this machine that may be stopped");
        }

        return new TestBroker(processId!.Value);
    }

    public void Pause() => _ = Kill(_processId, SignalStop);

    public void Resume() => _ = Kill(_processId, SignalContinue);

    /// <summary>kill -9; returns when the process is gone.</summary>
    public async Task KillAsync()
    {
        _ = Kill(_processId, SignalKill);
        while (IsAlive(_processId))
        {
            await Task.Delay(10);
        }
    }

    /// <summary>Starts it again on its data, as a process that outlives the tests; returns when its port answers.</summary>
    public async Task StartAsync()
    {
        string line = string.Join(' ', _command.Select(word => $"'{word}'"));
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"nohup {line} >>'{_folder}/broker.log' 2>&1 </dev/null & echo $!"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _folder,
        };
        using Process shell = Process.Start(start)!;
        _processId = int.Parse((await shell.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        string pidFile = Path.Combine(_folder, "pid");
        if (File.Exists(pidFile))
        {
            // Whoever started it stops it by this file.
            await File.WriteAllTextAsync(pidFile, _processId.ToString(CultureInfo.InvariantCulture) + "\n");
        }

        await AnswersAsync();
    }

    private static async Task AnswersAsync()
    {
        var address = IPEndPoint.Parse(RequireAddress().Replace("localhost", "127.0.0.1", StringComparison.Ordinal));
        var waited = Stopwatch.StartNew();
        while (true)
        {
            using var socket = new TcpClient();
            try
            {
                await socket.ConnectAsync(address);
                return;
            }
            catch (SocketException)
            {
                Assert.That(waited.Elapsed, Is.LessThan(StartDeadline), "the broker does not come back");
                await Task.Delay(20);
            }
        }
    }

    private static bool IsAlive(int processId)
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

    /// <summary>The process that listens on a port, if its descriptors may be read.</summary>
    private static int? FindListener(int port)
    {
        string suffix = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        HashSet<string> sockets =
        [
            .. new[] { "/proc/net/tcp", "/proc/net/tcp6" }.SelectMany(File.ReadLines)
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(field => field[1].EndsWith(suffix, StringComparison.Ordinal) && field[3] == "0A")
                .Select(field => $"socket:[{field[9]}]"),
        ];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out int processId) && Holds(processId, sockets))
            {
                return processId;
            }
        }

        return null;
    }

    private static bool Holds(int processId, HashSet<string> sockets)
    {
        try
        {
            return new DirectoryInfo($"/proc/{processId}/fd").EnumerateFileSystemInfos()
                .Any(descriptor => descriptor.LinkTarget is { } target && sockets.Contains(target));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int processId, int signal);
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Npgsql;

namespace BigFs.Hosting.PostgreSql.Tests.Server;

/// <summary>
/// A real PostgreSQL server of this machine's binaries, on a free loopback port, in a temporary folder of its own: made,
/// started, stopped, killed, copied to a standby and promoted. Never runs as root: a process of root gives it to the user
/// "postgres". It syncs as a server in production does.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    /// <summary>The user that the servers have, and its password.</summary>
    public const string User = "bigfs", Password = "s3cret-pass";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder;
    private Process? _process;

    private PostgresServer(string folder, int port)
    {
        _folder = folder;
        Port = port;
    }

    /// <summary>The folder of the newest server's programs; null when none is installed.</summary>
    public static string? Binaries { get; } = FindBinaries();

    /// <summary>Where it listens on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The data folder.</summary>
    public string Data => Path.Combine(_folder, "data");

    /// <summary>Whether its process runs.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>The last lines of its log.</summary>
    public string LogTail => File.Exists(LogFile) ? string.Join('\n', File.ReadLines(LogFile).TakeLast(20)) : "";

    /// <summary>Whether it has said something, since it was made.</summary>
    public bool HasLogged(string text) =>
        File.Exists(LogFile) && File.ReadLines(LogFile).Any(line => line.Contains(text, StringComparison.Ordinal));

    private string LogFile => Path.Combine(_folder, "log");

    /// <summary>Makes a new server and starts it.</summary>
    /// <param name="settings">Lines for postgresql.conf.</param>
    public static Task<PostgresServer> StartNewAsync(params string[] settings) => MakeAsync([], settings);

    /// <summary>Makes a new server, whose write-ahead log lies in a folder of its own in pieces of 1 MiB, and starts it.</summary>
    /// <param name="log">The folder, empty, or made.</param>
    /// <param name="settings">Lines for postgresql.conf.</param>
    public static Task<PostgresServer> StartNewWithLogAtAsync(string log, params string[] settings)
    {
        Directory.CreateDirectory(log);
        Give(log);
        return MakeAsync(
            ["--waldir", log, "--wal-segsize", "1"], ["wal_keep_size = 0", "min_wal_size = 2MB", "max_wal_size = 8MB", .. settings]);
    }

    private static async Task<PostgresServer> MakeAsync(string[] more, string[] settings)
    {
        PostgresServer server = NewFolder();
        string passwordFile = Path.Combine(server._folder, "password");
        await File.WriteAllTextAsync(passwordFile, Password);
        Give(server._folder);
        await RunAsync(
            "initdb",
            ["-D", server.Data, "-U", User, "--pwfile", passwordFile, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", .. more]);
        await server.ConfigureAsync(settings);
        await server.StartAsync();
        return server;
    }

    /// <summary>A connection string for one database.</summary>
    public string ConnectionString(string database = "postgres", string password = Password) =>
        $"Host=127.0.0.1;Port={Port};Database={database};Username={User};Password={password}";

    /// <summary>A connection string that finds the primary among two servers.</summary>
    public string ConnectionStringWith(PostgresServer other) =>
        $"Host=127.0.0.1:{Port},127.0.0.1:{other.Port};Database=postgres;Username={User};Password={Password}";

    /// <summary>Starts it, also again, and returns when it answers.</summary>
    public async Task StartAsync()
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            _process?.Dispose();
            _process = Launch();
            while (!_process.HasExited && Stopwatch.GetElapsedTime(began) < Patience)
            {
                if (await AnswersAsync())
                {
                    return;
                }

                await Task.Delay(20);
            }

            // Backends of a killed server hold its memory for a moment.
            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new TimeoutException($"PostgreSQL did not start: {LogTail}");
            }

            await Task.Delay(50);
        }
    }

    /// <summary>Kills it as a power failure of its process would, and its backends with it.</summary>
    public async Task KillAsync()
    {
        Signal(9);
        await _process!.WaitForExitAsync();
    }

    /// <summary>Starts it again, whether it has stopped by itself, is about to, or runs.</summary>
    public async Task RestartAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        await StartAsync();
    }

    /// <summary>Stops it: connections are ended at once, what was committed is kept.</summary>
    public async Task StopFastAsync()
    {
        Signal(2);
        await _process!.WaitForExitAsync();
    }

    /// <summary>Copies this server to a standby that follows it, and makes this one wait for it at each commit.</summary>
    public async Task<PostgresServer> AddSynchronousStandbyAsync()
    {
        PostgresServer standby = NewFolder();
        Give(standby._folder);
        await RunAsync(
            "pg_basebackup",
            "-D",
            standby.Data,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
            "-d",
            $"host=127.0.0.1 port={Port} user={User} password={Password} application_name=standby");
        await standby.ConfigureAsync();
        await standby.StartAsync();
        await ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        await ExecuteAsync("SELECT pg_reload_conf()");
        await UntilAsync(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync')", "the standby is synchronous");
        return standby;
    }

    /// <summary>Makes a standby the primary, which waits for nobody.</summary>
    public async Task PromoteAsync()
    {
        await File.AppendAllTextAsync(Path.Combine(Data, "postgresql.auto.conf"), "synchronous_standby_names = ''\n");
        await ExecuteAsync("SELECT pg_reload_conf()");
        await ExecuteAsync("SELECT pg_promote()");
        await UntilAsync("SELECT NOT pg_is_in_recovery()", "the standby is promoted");
    }

    /// <summary>Runs a statement.</summary>
    public async Task<object?> ExecuteAsync(string text, string database = "postgres")
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database) + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(text, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Waits until a question is answered with true.</summary>
    public async Task UntilAsync(string question, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (await ExecuteAsync(question) is not true)
        {
            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new TimeoutException($"Not within {Patience.TotalSeconds} s: {what}. {LogTail}");
            }

            await Task.Delay(20);
        }
    }

    /// <summary>Kills it and deletes its folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (IsRunning)
        {
            await StopFastAsync();
        }

        _process?.Dispose();
        NpgsqlConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    private static string? FindBinaries()
    {
        if (!OperatingSystem.IsLinux() || !Directory.Exists("/usr/lib/postgresql"))
        {
            return null;
        }

        return Directory.GetDirectories("/usr/lib/postgresql")
            .Select(folder => Path.Combine(folder, "bin"))
            .Where(folder => File.Exists(Path.Combine(folder, "initdb")))
            .Order(StringComparer.Ordinal)
            .LastOrDefault();
    }

    private static PostgresServer NewFolder()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        int port = ((IPEndPoint)free.LocalEndpoint).Port;
        return new PostgresServer(Directory.CreateTempSubdirectory("bigfs-postgres-").FullName, port);
    }

    private static bool IsRoot => Environment.UserName == "root";

    /// <summary>Gives a folder to the user that the server runs as.</summary>
    public void Own(string folder) => Give(folder);

    private static void Give(string folder)
    {
        if (IsRoot)
        {
            using var chown = Process.Start("chown", ["-R", "postgres", folder]);
            chown.WaitForExit();
        }
    }

    private static ProcessStartInfo Command(string program, params string[] arguments)
    {
        string path = Path.Combine(Binaries!, program);
        string[] all = IsRoot
            ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", path, .. arguments]
            : [path, .. arguments];
        var start = new ProcessStartInfo(all[0], all[1..]) { WorkingDirectory = "/", RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["LC_ALL"] = "C";
        return start;
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(Command(program, arguments))!;
        Task<string> error = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Patience);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} failed: {await error} {await output}");
        }

        await output;
    }

    private async Task ConfigureAsync(params string[] settings)
    {
        string[] lines =
        [
            "listen_addresses = '127.0.0.1'",
            $"port = {Port.ToString(CultureInfo.InvariantCulture)}",
            $"unix_socket_directories = '{_folder}'",
            "shared_buffers = 64MB",
            "max_connections = 60",
            "max_wal_size = 512MB",
            "checkpoint_timeout = 30min",
            "wal_keep_size = 64MB",
            "logging_collector = off",
            .. settings,
            "",
        ];
        await File.AppendAllTextAsync(Path.Combine(Data, "postgresql.conf"), string.Join('\n', lines));
    }

    private Process Launch()
    {
        // The server writes its log to standard error, which goes to a file that outlives it.
        ProcessStartInfo start = Command("postgres", "-D", Data);
        string line = string.Join(' ', start.ArgumentList.Prepend(start.FileName).Select(one => $"'{one}'"));
        var shell = new ProcessStartInfo("/bin/sh", ["-c", $"exec {line} >> '{LogFile}' 2>&1"]) { WorkingDirectory = "/" };
        shell.Environment["LC_ALL"] = "C";
        return Process.Start(shell)!;
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await ExecuteAsync("SELECT 1");
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private void Signal(int number)
    {
        if (Kill(_process!.Id, number) != 0)
        {
            throw new InvalidOperationException($"The server could not be signalled: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int process, int signal);
}

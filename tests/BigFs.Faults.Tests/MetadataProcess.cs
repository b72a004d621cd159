using System.Diagnostics;
using System.Globalization;
using BigFs.Core.Control;
using BigFs.Faults.Driver;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.NameServer;
using BigFs.Internal.Grpc;

namespace BigFs.Faults.Tests;

/// <summary>The driver as a metadata server in a process of its own, which can be killed, and clients of it.</summary>
internal sealed class MetadataProcess : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly ChannelCache _channels = new(TimeSpan.FromSeconds(5));
    private readonly NameServer _names = new(TimeProvider.System) { Lease = TimeSpan.FromHours(1) };
    private readonly List<GrpcMetadataStore> _clients = [];

    private MetadataProcess(Process process) => _process = process;

    /// <summary>Whether it came to serve; it may have died before.</summary>
    public bool IsServing { get; private set; }

    /// <summary>Whether it was killed, or killed itself.</summary>
    public bool IsKilled => _process.HasExited && _process.ExitCode == 128 + 9;

    /// <summary>Starts it and waits until it serves or is dead.</summary>
    /// <param name="directory">Its folder.</param>
    /// <param name="crashPoint">Where it is to die; null: nowhere.</param>
    /// <param name="canary">Which promise it breaks; null: none.</param>
    /// <param name="ahead">How far its clock is ahead.</param>
    /// <param name="session">How long sessions live.</param>
    public static async Task<MetadataProcess> StartAsync(
        string directory, string? crashPoint, string? canary, TimeSpan ahead, TimeSpan session) =>
        await ServesAsync(FaultBuild.Start(
            crashPoint, canary, ["serve", directory, Milliseconds(ahead), Milliseconds(session)]));

    /// <summary>The same on PostgreSQL.</summary>
    public static Task<MetadataProcess> StartOnPostgresAsync(string connection, string? crashPoint, TimeSpan session) =>
        ServesAsync(FaultBuild.Start(crashPoint, null, ["serve-postgres", connection, Milliseconds(session)]));

    private static async Task<MetadataProcess> ServesAsync(Process process)
    {
        var server = new MetadataProcess(process);
        string? line = await process.StandardOutput.ReadLineAsync().WaitAsync(Deadline);
        if (line?.StartsWith(MetadataServing.Ready, StringComparison.Ordinal) == true)
        {
            server.IsServing = true;
            var instance = new ServiceInstance
            {
                Role = ServiceRole.MetadataServer,
                Id = "1",
                Endpoint = line[MetadataServing.Ready.Length..],
            };
            await server._names.RegisterAsync(instance, CancellationToken.None);
            return server;
        }

        await process.WaitForExitAsync().WaitAsync(Deadline);
        return server;
    }

    /// <summary>A client with connections of its own, which gives up soon after the server is gone.</summary>
    public GrpcMetadataStore NewClient()
    {
        var timeouts = new ControlTimeouts { Connect = TimeSpan.FromMilliseconds(60), Operation = TimeSpan.FromSeconds(30) };
        var client = new GrpcMetadataStore(_names, _channels, timeouts, TimeProvider.System);
        _clients.Add(client);
        return client;
    }

    /// <summary>SIGKILL.</summary>
    public void Kill() => FaultBuild.Kill(_process);

    /// <summary>Waits until it is dead.</summary>
    public Task GoneAsync() => _process.WaitForExitAsync().WaitAsync(Deadline);

    /// <summary>Ends it cleanly, unless it is dead, and says whether it ended so.</summary>
    public async Task<bool> StopAsync()
    {
        await CloseClientsAsync();
        _process.StandardInput.Close();
        string said = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Deadline);
        await GoneAsync();
        return _process.ExitCode == 0 && said.Trim() == Line.Done;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseClientsAsync();
        if (!_process.HasExited)
        {
            Kill();
            await GoneAsync();
        }

        _channels.Dispose();
        _process.Dispose();
    }

    private static string Milliseconds(TimeSpan time) => ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);

    private async Task CloseClientsAsync()
    {
        foreach (GrpcMetadataStore client in _clients)
        {
            await client.DisposeAsync();
        }

        _clients.Clear();
    }
}

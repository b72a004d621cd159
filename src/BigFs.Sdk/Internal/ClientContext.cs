using BigFs.Core.Control;
using BigFs.Core.Transfer;
using BigFs.Internal.Download;
using BigFs.Internal.Gateway;
using BigFs.Internal.Upload;
using Microsoft.Extensions.Logging;

namespace BigFs.Internal;

/// <summary>What the parts of one client share. Thread-safe.</summary>
internal sealed class ClientContext : IAsyncDisposable
{
    private readonly Lazy<ClientSeams> _seams;
    private readonly bool _ownsSeams;
    private readonly CancellationTokenSource _stop = new();
    private readonly FaultReporter _reporter;
    private int _readers;
    private int _disposed;

    /// <summary>Makes the context; the seams are made when they are first needed.</summary>
    public ClientContext(
        ClientSettings settings,
        Func<ClientSeams> seams,
        bool ownsSeams,
        TimeProvider time,
        ILogger logger)
    {
        Settings = settings;
        Time = time;
        Logger = logger;
        Stopping = _stop.Token;
        Penalties = new NodePenalties(time);
        LargeBuffers = new LargeBuffers(time);
        Opened = new OpenedFiles(OpenedFiles.DefaultBytes, time);
        _ownsSeams = ownsSeams;

        // Clients of one process's lifetime, such as commands, begin with different replicas too.
        _readers = ownsSeams ? Random.Shared.Next() : 0;
        _seams = new Lazy<ClientSeams>(seams, LazyThreadSafetyMode.ExecutionAndPublication);
        Control = new ControlCalls(() => FileServer, settings, time, Stopping);
        SmallFiles = new SharedUploads(this);
        _reporter = new FaultReporter(() => FileServer, time, logger);
    }

    public ClientSettings Settings { get; }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    /// <summary>Cancelled when the client is disposed.</summary>
    public CancellationToken Stopping { get; }

    public NodePenalties Penalties { get; }

    public ControlCalls Control { get; }

    /// <summary>The large buffers that this client's transfers share.</summary>
    public LargeBuffers LargeBuffers { get; }

    /// <summary>The small files that this client opened a moment ago.</summary>
    public OpenedFiles Opened { get; }

    /// <summary>The sessions that this client's small files share.</summary>
    public SharedUploads SmallFiles { get; }

    public IFileServer FileServer => _seams.Value.FileServer;

    /// <summary>The way to datanodes; not there where a gateway stands between.</summary>
    public IChunkTransport Transport => _seams.Value.Transport!;

    /// <summary>The way of all content when a gateway stands between; else null.</summary>
    public IGatewayContent? Gateway => _seams.Value.Gateway;

    /// <summary>A number for each reader: with which replica it begins, so that all replicas of small files serve.</summary>
    public uint NextReader() => (uint)(Interlocked.Increment(ref _readers) - 1);

    /// <summary>Tells the cluster about a replica's fault; returns at once and never throws.</summary>
    public void Report(ReplicaFault fault) => _reporter.Report(fault);

    /// <summary>Ends everything that runs, and what the client made.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await SmallFiles.DisposeAsync().ConfigureAwait(false);
        await _reporter.DisposeAsync().ConfigureAwait(false);
        if (_ownsSeams && _seams.IsValueCreated)
        {
            ClientSeams seams = _seams.Value;
            await (seams.Transport?.DisposeAsync() ?? default).ConfigureAwait(false);
            await (seams.Gateway?.DisposeAsync() ?? default).ConfigureAwait(false);
            switch (FileServer)
            {
                case IAsyncDisposable disposable:
                    await disposable.DisposeAsync().ConfigureAwait(false);
                    break;
                case IDisposable disposable:
                    disposable.Dispose();
                    break;
            }
        }

        LargeBuffers.Dispose();
        _stop.Dispose();
    }
}

using System.Net;
using System.Net.Sockets;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Transfer;

/// <summary>
/// A datanode's door of the data plane: takes chunks and passes them on along their pipeline, and hands chunks out. The
/// store stays its owner's, and is disposed after the server.
/// </summary>
public sealed class TransferServer : IAsyncDisposable
{
    /// <summary>Connections above the limit that are told so; beyond these they are closed without a word.</summary>
    private const int MaxRefusals = 64;

    private const int StackBytes = 256 << 10;

    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    private readonly IChunkStore _store;
    private readonly TransferServerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _aborting = new();
    private readonly TransferClient _relay;
    private readonly MultiplexedClient _smallRelay;
    private readonly ServerContext _context;
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _connections = [];
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;
    private string? _endpoint;
    private bool _disposed;

    /// <summary>Makes a server; it listens from <see cref="StartAsync"/> on.</summary>
    /// <param name="store">The node's chunks.</param>
    /// <param name="capabilities">Checks what every request is allowed by; of the same node.</param>
    /// <param name="options">Address, time-outs and limits.</param>
    /// <param name="time">The clock of the time-outs.</param>
    /// <param name="logger">Takes what is worth noticing.</param>
    /// <exception cref="BigFsException">
    /// A setting is outside its range (<see cref="BigFsErrorCode.InvalidSettings"/>).
    /// </exception>
    /// <exception cref="ArgumentException">The capabilities are checked for another node.</exception>
    public TransferServer(
        IChunkStore store, CapabilityVerifier capabilities, TransferServerOptions options, TimeProvider time, ILogger logger)
    {
        options.Validate();
        if (capabilities.Node != store.Node)
        {
            throw new ArgumentException($"They are checked for node {capabilities.Node}, not {store.Node}.", nameof(capabilities));
        }

        _store = store;
        _options = options;
        _time = time;
        _logger = logger;
        _relay = new TransferClient(options.Relay, time, logger);
        _smallRelay = new MultiplexedClient(options.Relay, time, logger);
        _context = new ServerContext(store, capabilities, options, _relay, _smallRelay, time, logger)
        {
            Stopping = _stopping.Token,
            Aborting = _aborting.Token,
            Tls = options.Tls?.Load(),
        };
    }

    /// <summary>Where it listens, "host:port" with the port in use, behind "tls://" when it is encrypted.</summary>
    /// <exception cref="InvalidOperationException">It was not started.</exception>
    public string Endpoint => _endpoint ?? throw new InvalidOperationException("The transfer server was not started.");

    /// <summary>Binds and begins to serve.</summary>
    /// <exception cref="BigFsException">
    /// The endpoint is none or not a loopback one (<see cref="BigFsErrorCode.InvalidSettings"/>), or it is taken or may not
    /// be bound (<see cref="BigFsErrorCode.AddressInUse"/>).
    /// </exception>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (_listener is not null)
        {
            throw new InvalidOperationException("The transfer server was started already.");
        }

        _listener = Bind(_options.Endpoint, _options.BeyondLoopback);
        _endpoint = TransferEndpoint.Advertised(
            _options.Advertise, (IPEndPoint)_listener.LocalEndPoint!, _options.Tls is not null);
        TransferLog.Listening(_logger, _store.Node, _endpoint);
        _accepting = AcceptAsync(_listener);
        return Task.CompletedTask;
    }

    /// <summary>Takes no new work, lets the work in hand end (for at most the stop time-out), and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _stopping.CancelAsync();
        _listener?.Dispose();
        await _accepting;
        Task[] left;
        lock (_lock)
        {
            left = [.. _connections];
        }

        Task all = Task.WhenAll(left);
        using (var ended = new CancellationTokenSource())
        {
            if (await Task.WhenAny(all, Task.Delay(_options.StopTimeout, _time, ended.Token)) != all)
            {
                TransferLog.StopTimedOut(_logger, _store.Node, left.Count(task => !task.IsCompleted));
                await _aborting.CancelAsync();
            }

            await ended.CancelAsync();
        }

        await all;
        await _relay.DisposeAsync();
        await _smallRelay.DisposeAsync();
    }

    private static Socket Bind(string text, bool beyondLoopback)
    {
        if (!TransferEndpoint.TryParse(text, out TransferEndpoint endpoint) || endpoint.IsEncrypted)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"Endpoint '{text}' is no address to listen on; write it as host:port.");
        }

        IPAddress? address = endpoint.Loopback;
        if (address is null && !beyondLoopback)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"Endpoint '{text}' is not a loopback address; nothing listens beyond loopback without keys.");
        }

        if (address is null && !IPAddress.TryParse(endpoint.Host, out address))
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"Endpoint '{text}' is no address to listen on; write its host as a number.");
        }

        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // On Unix the runtime sets SO_REUSEADDR by itself, so that a restart finds its port free; touching this
            // option there would add SO_REUSEPORT and allow two servers on one port. Windows is the other way round.
            if (OperatingSystem.IsWindows())
            {
                listener.ExclusiveAddressUse = true;
            }

            listener.Bind(new IPEndPoint(address, endpoint.Port));
            listener.Listen(512);
            return listener;
        }
        catch (SocketException fault)
        {
            listener.Dispose();
            throw new BigFsException(
                BigFsErrorCode.AddressInUse, $"The transfer protocol cannot listen on {text}: {fault.Message}.", fault)
            {
                Endpoint = text,
            };
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Serve(await listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception ended) when (_stopping.IsCancellationRequested
                && ended is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException fault)
            {
                // Out of descriptors, or a connection that was gone before it was taken: pause, so that it is no busy loop.
                TransferLog.AcceptFailed(_logger, Endpoint, fault);
                await Task.Delay(AcceptPause, _time, _stopping.Token).Settled();
            }
        }
    }

    private void Serve(Socket socket)
    {
        int open;
        lock (_lock)
        {
            open = _connections.Count;
        }

        string peer = (socket.RemoteEndPoint as IPEndPoint)?.ToString() ?? "a peer that is gone";
        bool full = open >= _options.MaxConnections;
        if (full)
        {
            TransferLog.TooManyConnections(_logger, peer, open);
            if (open >= _options.MaxConnections + MaxRefusals)
            {
                socket.Dispose();
                return;
            }
        }

        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _connections.Add(ended.Task);
        }

        var thread = new Thread(() => Run(socket, peer, full, ended), StackBytes)
        {
            Name = "bigfs-connection",
            IsBackground = true,
        };
        thread.Start();
    }

    /// <summary>Serves a connection and takes it off the list, which is what disposal waits for.</summary>
    private void Run(Socket socket, string peer, bool full, TaskCompletionSource ended)
    {
        if (new ServerConnection(_context, socket, peer).Run(full) is { } multiplexed)
        {
            // Multiplexed: it needs no thread of its own.
            _ = RunMultiplexedAsync(multiplexed, ended);
            return;
        }

        End(ended);
    }

    private async Task RunMultiplexedAsync(MultiplexedSocket socket, TaskCompletionSource ended)
    {
        await using (var server = new MultiplexedServer(_context, socket))
        {
            await server.RunAsync();
        }

        End(ended);
    }

    private void End(TaskCompletionSource ended)
    {
        lock (_lock)
        {
            _connections.Remove(ended.Task);
        }

        ended.SetResult();
    }
}

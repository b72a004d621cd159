using BigFs.Core.Transfer;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Gateway.Access;

/// <summary>
/// The clients by which the gateway acts for its callers: one for each key, which goes with every call, so that file servers check it
/// again and the gateway has no rights of its own. Connections to datanodes are shared. Those not used for longest are closed
/// beyond a number. Thread-safe.
/// </summary>
internal sealed class CallerClients : IAsyncDisposable
{
    /// <summary>Clients kept while nobody uses them.</summary>
    private const int MostIdle = 64;

    private static readonly TimeSpan StallTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long an operation may wait here for roles that are away: callers have time-outs of their own, and end before.</summary>
    private static readonly TimeSpan OperationTimeout = TimeSpan.FromMinutes(2);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly LinkedList<Entry> _idle = new();
    private readonly HashSet<Task> _closing = [];
    private readonly GatewayContext _context;
    private readonly InstanceSource _fileServers;
    private readonly TcpChunkTransport _transport;
    private bool _disposed;

    /// <summary>Makes it; the source of file servers stays the caller's. Nothing is connected before the first call.</summary>
    public CallerClients(GatewayContext context, InstanceSource fileServers)
    {
        (_context, _fileServers) = (context, fileServers);
        var transfer = new TransferClientOptions { Tls = context.TransferTls, StallTimeout = StallTimeout / 3 };
        _transport = new TcpChunkTransport(
            transfer, context.Services.Time, context.Services.LoggerOf<TcpChunkTransport>());
    }

    /// <summary>The client of a caller, to be given back when it is no longer used.</summary>
    public Lease Rent(Caller caller)
    {
        string id = caller.Key?.Id ?? "";
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_entries.TryGetValue(id, out Entry? entry))
            {
                entry = Make(id, caller.Text);
                _entries[id] = entry;
            }
            else if (entry.Users == 0)
            {
                _idle.Remove(entry.Node);
            }

            entry.Users++;
            return new Lease(this, entry);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] closing;
        Entry[] left;
        lock (_gate)
        {
            _disposed = true;
            left = [.. _entries.Values];
            _entries.Clear();
            closing = [.. _closing];
        }

        await Disposal.OfAllAsync(left).ConfigureAwait(false);
        await Task.WhenAll(closing).ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
    }

    private Entry Make(string id, string? key)
    {
        var server = new GrpcFileServer(
            new BorrowedInstances(_fileServers),
            new ControlTimeouts { Operation = OperationTimeout },
            _context.Services.Time,
            ChannelSecurity.Of(key, _context.ControlTls));
        var options = new BigFsClientOptions
        {
            LoggerFactory = _context.Services.LoggerFactory,
            StallTimeout = StallTimeout,
            OperationTimeout = OperationTimeout,
        };
        return new Entry(id, new BigFsClient(options, server, _transport, _context.Services.Time), server);
    }

    private void Return(Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Users > 0 || _disposed)
            {
                return;
            }

            _idle.AddLast(entry.Node);
            while (_idle.Count > MostIdle && _idle.First is { Value: { } oldest })
            {
                _idle.RemoveFirst();
                _entries.Remove(oldest.Id);
                Task closing = oldest.DisposeAsync().AsTask();
                _closing.RemoveWhere(task => task.IsCompleted);
                _closing.Add(closing);
            }
        }
    }

    /// <summary>The use of a client; disposing it gives it back.</summary>
    internal readonly struct Lease(CallerClients owner, Entry entry) : IDisposable
    {
        public BigFsClient Client => entry.Client;

        public void Dispose() => owner.Return(entry);
    }

    /// <summary>A client and what it calls.</summary>
    internal sealed class Entry : IAsyncDisposable
    {
        private readonly GrpcFileServer _server;
        private readonly BigFsClient _client;

        public Entry(string id, BigFsClient client, GrpcFileServer server)
        {
            (Id, _client, _server) = (id, client, server);
            Node = new LinkedListNode<Entry>(this);
        }

        public string Id { get; }

        public BigFsClient Client => _client;

        public LinkedListNode<Entry> Node { get; }

        public int Users { get; set; }

        public async ValueTask DisposeAsync()
        {
            await _client.DisposeAsync().ConfigureAwait(false);
            await _server.DisposeAsync().ConfigureAwait(false);
        }
    }
}

using System.Net.Security;
using System.Net.Sockets;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Connections by endpoint: takes idle ones, makes new ones, closes those that nobody used for a while. Thread-safe.
/// </summary>
internal sealed class ConnectionPool(TransferClientOptions options, TimeProvider time) : IAsyncDisposable
{
    private readonly Func<string?, SslClientAuthenticationOptions>? _tls = options.Tls?.Load();
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _disposed = new();
    private readonly Dictionary<string, List<Idle>> _idle = new(StringComparer.Ordinal);
    private Task? _sweeper;

    /// <summary>Connections idle now.</summary>
    public int IdleCount
    {
        get
        {
            lock (_lock)
            {
                return _idle.Values.Sum(list => list.Count);
            }
        }
    }

    /// <summary>An idle connection that still looks alive, the one used last; null when there is none.</summary>
    public BlockingConnection? TryTake(string endpoint)
    {
        while (true)
        {
            BlockingConnection connection;
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_disposed.IsCancellationRequested, this);
                if (!_idle.TryGetValue(endpoint, out List<Idle>? list) || list.Count == 0)
                {
                    return null;
                }

                connection = list[^1].Connection;
                list.RemoveAt(list.Count - 1);
            }

            if (!connection.HasInput)
            {
                return connection;
            }

            connection.Dispose();
        }
    }

    /// <summary>Connects and exchanges hellos.</summary>
    /// <exception cref="TransferException">
    /// The endpoint is none, does not answer in time, or speaks something else.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public BlockingConnection Connect(string endpoint, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed.IsCancellationRequested, this);
        if (!TransferEndpoint.TryParse(endpoint, out TransferEndpoint target) || target.Port == 0)
        {
            throw new TransferException(ChunkStatus.Unreachable, $"'{endpoint}' is no transfer endpoint (host:port).");
        }

        target.ThrowUnless(encrypted: _tls is not null);
        using var timeout = new CancellationTokenSource(options.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        Socket socket = target.CreateSocket();
        BlockingConnection? connection = null;
        try
        {
            // The socket has to stay a blocking one, so it is connected by a blocking call, which closing ends.
            using (either.Token.UnsafeRegister(static state => ((Socket)state!).Dispose(), socket))
            {
                socket.Connect(target.Loopback?.ToString() ?? target.Host, target.Port);
                connection = new BlockingConnection(socket, endpoint);
                Stall stall = Stall.After(options.ConnectTimeout, time);
                connection.WakeEvery(stall.Interval);
                if (_tls is not null)
                {
                    connection.Encrypt(_tls(target.Host), stall);
                }

                Greet(connection, stall);
            }

            either.Token.ThrowIfCancellationRequested();
            return connection;
        }
        catch (Exception fault) when (
            fault is SocketException or ObjectDisposedException or OperationCanceledException or TransferException)
        {
            connection?.Dispose();
            socket.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            if (fault is TransferException { Status: not ChunkStatus.Stalled } && !timeout.IsCancellationRequested)
            {
                throw;
            }

            throw new TransferException(
                ChunkStatus.Unreachable,
                timeout.IsCancellationRequested || fault is TransferException
                    ? $"{endpoint} did not answer within the connect time-out of {options.ConnectTimeout}."
                    : $"{endpoint} cannot be reached: {fault.Message}",
                innerException: fault);
        }
    }

    /// <summary>Takes back a connection whose exchange ended cleanly.</summary>
    public void Return(BlockingConnection connection)
    {
        lock (_lock)
        {
            if (!_disposed.IsCancellationRequested)
            {
                if (!_idle.TryGetValue(connection.Peer, out List<Idle>? list))
                {
                    _idle[connection.Peer] = list = [];
                }

                if (list.Count < options.MaxIdleConnectionsPerEndpoint)
                {
                    list.Add(new Idle(connection, time.GetTimestamp()));
                    _sweeper ??= SweepAsync();
                    return;
                }
            }
        }

        connection.Dispose();
    }

    /// <summary>Closes the idle connections; those in use are closed when they come back.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        List<Idle> left;
        Task? sweeper;
        lock (_lock)
        {
            left = [.. _idle.Values.SelectMany(list => list)];
            _idle.Clear();
            sweeper = _sweeper;
        }

        left.ForEach(idle => idle.Connection.Dispose());
        if (sweeper is not null)
        {
            await sweeper;
        }
    }

    private static void Greet(BlockingConnection connection, Stall stall)
    {
        connection.SendHello(Hello.Own, stall);
        Span<byte> theirs = stackalloc byte[Hello.Size];
        connection.ReceiveAll(theirs, stall);
        Answers.Greet(theirs, connection.Peer);
    }

    private async Task SweepAsync()
    {
        while (!_disposed.IsCancellationRequested)
        {
            await Task.Delay(options.IdleTimeout / 2, time, _disposed.Token).Settled();
            List<Idle> expired = [];
            lock (_lock)
            {
                foreach (List<Idle> list in _idle.Values)
                {
                    expired.AddRange(list.Where(IsExpired));
                    list.RemoveAll(IsExpired);
                }

                foreach (string endpoint in _idle.Where(pair => pair.Value.Count == 0).Select(pair => pair.Key).ToList())
                {
                    _idle.Remove(endpoint);
                }
            }

            expired.ForEach(idle => idle.Connection.Dispose());
        }
    }

    private bool IsExpired(Idle idle) => time.GetElapsedTime(idle.Since) >= options.IdleTimeout;

    private readonly record struct Idle(BlockingConnection Connection, long Since);
}

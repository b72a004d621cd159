using System.Collections.Immutable;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Transfer;

/// <summary>
/// Small chunks to and from datanodes: one multiplexed connection to each, made when it is first needed and again when it
/// is broken. Thread-safe.
/// </summary>
internal sealed class MultiplexedClient(TransferClientOptions options, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly Func<string?, SslClientAuthenticationOptions>? _tls = options.Tls?.Load();
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _disposed = new();
    private readonly Dictionary<string, Task<MultiplexedConnection>> _connections = new(StringComparer.Ordinal);
    private readonly List<Task> _closing = [];
    private ITimer? _sweeper;

    /// <summary>Connections open now that nobody waits on.</summary>
    public int IdleConnections
    {
        get
        {
            lock (_lock)
            {
                return _connections.Values.Count(made => made is { IsCompletedSuccessfully: true, Result: { IsBroken: false, Waiting: 0 } });
            }
        }
    }

    /// <summary>Writes a chunk of at most <see cref="FrameHeader.MaxSmallData"/> bytes.</summary>
    /// <param name="request">For the member that is asked.</param>
    /// <param name="payload">The chunk; read until the result's first await ends, which is when it was copied.</param>
    /// <param name="sent">Called when the payload has been copied, or never will be.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<ChunkWriteResult> WriteAsync(
        WriteRequest request, ReadOnlyMemory<byte> payload, Action? sent, CancellationToken cancellationToken)
    {
        try
        {
            return await CallAsync(
                request.Target.TransferEndpoint,
                connection =>
                {
                    var call = new MultiplexedWrite(request, goesOnInline: sent is not null);
                    Span<byte> message = stackalloc byte[FrameHeader.MaxMessage];
                    ulong id = connection.Send(FrameType.Write, call, message[..request.Encode(message)], payload.Span);
                    sent?.Invoke();
                    return (call, id, call.Result);
                },
                mayRepeat: sent is null,
                cancellationToken);
        }
        catch (TransferException fault)
        {
            return ChunkSender.Failure(fault.Status, fault.Node ?? request.Target.Id, fault.Message);
        }
    }

    /// <summary>Reads a range that touches one block.</summary>
    /// <exception cref="TransferException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task<(ChunkStatus Status, string Detail)> ReadAsync(
        string endpoint,
        ChunkReference chunk,
        ImmutableArray<byte> capability,
        int offset,
        Memory<byte> destination,
        CancellationToken cancellationToken) =>
        CallAsync(
            endpoint,
            connection =>
            {
                var call = new MultiplexedRead(chunk, offset, destination);
                Span<byte> message = stackalloc byte[ReadRequest.MaxBytes];
                var request = new ReadRequest(chunk.Volume, chunk.Key, offset, destination.Length, capability);
                ulong id = connection.Send(FrameType.Read, call, message[..request.Encode(message)]);
                return (call, id, call.Result);
            },
            mayRepeat: true,
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        List<Task<MultiplexedConnection>> made;
        lock (_lock)
        {
            made = [.. _connections.Values];
            _connections.Clear();
        }

        foreach (Task<MultiplexedConnection> one in made)
        {
            await one.Settled();
            if (one.IsCompletedSuccessfully)
            {
                await (await one).DisposeAsync();
            }
        }

        await Task.WhenAll(_closing);
        if (_sweeper is { } sweeper)
        {
            await sweeper.DisposeAsync();
        }
    }

    private async Task<T> CallAsync<T>(
        string endpoint,
        Func<MultiplexedConnection, (MultiplexedCall Call, ulong Id, Task<T> Result)> send,
        bool mayRepeat,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            (MultiplexedConnection connection, bool isNew) = await ConnectAsync(endpoint, cancellationToken);
            MultiplexedCall? call = null;
            try
            {
                (call, ulong id, Task<T> result) = send(connection);
                if (!cancellationToken.CanBeCanceled)
                {
                    return await result;
                }

                using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
                    static state =>
                    {
                        var (connection, id, call) = ((MultiplexedConnection, ulong, MultiplexedCall))state!;
                        if (connection.TryForget(id))
                        {
                            call.Fail(new TransferException(ChunkStatus.Unreachable, "Its caller waits no more."));
                        }
                    },
                    (connection, id, call));
                return await result;
            }
            catch (TransferException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (TransferException fault) when (
                fault.Status == ChunkStatus.Unreachable && !isNew && (call is null || (mayRepeat && !call.Answered)))
            {
                // Nothing was sent, or nothing came back: once more, on a new connection.
                TransferLog.PooledConnectionBroken(logger, endpoint, fault.Message);
                mayRepeat &= call is null;
            }
        }
    }

    private async ValueTask<(MultiplexedConnection Connection, bool IsNew)> ConnectAsync(
        string endpoint, CancellationToken cancellationToken)
    {
        Task<MultiplexedConnection> made;
        bool isNew = false;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed.IsCancellationRequested, this);
            if (!_connections.TryGetValue(endpoint, out Task<MultiplexedConnection>? kept)
                || kept is { IsFaulted: true } or { IsCanceled: true }
                || (kept.IsCompletedSuccessfully && kept.Result.IsBroken))
            {
                isNew = true;
                _connections[endpoint] = kept = MakeAsync(endpoint);
                _sweeper ??= time.CreateTimer(
                    static state => ((MultiplexedClient)state!).Sweep(), this, options.IdleTimeout / 2, options.IdleTimeout / 2);
            }

            made = kept;
        }

        return (made.IsCompletedSuccessfully ? await made : await made.WaitAsync(cancellationToken), isNew);
    }

    private async Task<MultiplexedConnection> MakeAsync(string endpoint)
    {
        await Task.Yield();
        if (!TransferEndpoint.TryParse(endpoint, out TransferEndpoint target) || target.Port == 0)
        {
            throw new TransferException(ChunkStatus.Unreachable, $"'{endpoint}' is no transfer endpoint (host:port).");
        }

        target.ThrowUnless(encrypted: _tls is not null);
        using var timeout = new CancellationTokenSource(options.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _disposed.Token);
        Socket socket = target.CreateSocket();
        SslStream? tls = null;
        try
        {
            await socket.ConnectAsync(target.Loopback?.ToString() ?? target.Host, target.Port, either.Token);
            LoopbackTuning.Apply(socket);
            tls = _tls is null ? null : await ShakeHandsAsync(socket, endpoint, _tls(target.Host), either.Token);
            await (tls is null ? GreetAsync(socket, endpoint, either.Token) : GreetAsync(tls, endpoint, either.Token));
            return new MultiplexedConnection(new MultiplexedSocket(socket, endpoint, tls), options.StallTimeout, time);
        }
        catch (Exception fault) when (fault is SocketException or IOException or OperationCanceledException or TransferException)
        {
            tls?.Dispose();
            socket.Dispose();
            if (fault is TransferException && !timeout.IsCancellationRequested)
            {
                throw;
            }

            throw new TransferException(
                ChunkStatus.Unreachable,
                timeout.IsCancellationRequested
                    ? $"{endpoint} did not answer within the connect time-out of {options.ConnectTimeout}."
                    : $"{endpoint} cannot be reached: {fault.Message}",
                innerException: fault);
        }
    }

    private static async Task<SslStream> ShakeHandsAsync(
        Socket socket, string endpoint, SslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancellationToken);
            return tls;
        }
        catch (Exception fault) when (fault is IOException or AuthenticationException or InvalidOperationException)
        {
            await tls.DisposeAsync();
            throw TlsChannel.Failed(endpoint, fault);
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }

    private static async Task GreetAsync(SslStream tls, string endpoint, CancellationToken cancellationToken)
    {
        var bytes = new byte[Hello.Size];
        Hello.OwnMultiplexed.Encode(bytes);
        await tls.WriteAsync(bytes, cancellationToken);
        await tls.ReadExactlyAsync(bytes, cancellationToken);
        Answers.Greet(bytes, endpoint);
    }

    private static async Task GreetAsync(Socket socket, string endpoint, CancellationToken cancellationToken)
    {
        var bytes = new byte[Hello.Size];
        Hello.OwnMultiplexed.Encode(bytes);
        await socket.SendAsync(bytes, cancellationToken);
        for (int filled = 0; filled < bytes.Length;)
        {
            int count = await socket.ReceiveAsync(bytes.AsMemory(filled), SocketFlags.None, cancellationToken);
            filled += count > 0
                ? count
                : throw new TransferException(
                    ChunkStatus.Unreachable, $"{endpoint} closed the connection in the middle of an exchange.");
        }

        Answers.Greet(bytes, endpoint);
    }

    /// <summary>Closes connections that nobody used for a while, and forgets broken ones.</summary>
    private void Sweep()
    {
        lock (_lock)
        {
            _closing.RemoveAll(task => task.IsCompleted);
            foreach ((string endpoint, Task<MultiplexedConnection> made) in _connections.ToList())
            {
                if (!made.IsCompleted)
                {
                    continue;
                }

                MultiplexedConnection? connection = made.IsCompletedSuccessfully ? made.Result : null;
                if (connection is null || connection.IsBroken
                    || (connection.Waiting == 0 && time.GetElapsedTime(connection.MovedAt) >= options.IdleTimeout))
                {
                    _connections.Remove(endpoint);
                    if (connection is not null)
                    {
                        _closing.Add(connection.DisposeAsync().AsTask());
                    }
                }
            }
        }
    }
}

using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Transfer;

/// <summary>
/// Hands out connections that serve one exchange at a time, and takes them back. Its calls block: they belong on threads
/// made for that. Every request is safe to repeat (a write is idempotent by its key), so a pooled connection that turns
/// out broken before any byte of an answer is replaced once.
/// </summary>
internal sealed class TransferClient(TransferClientOptions options, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly ConnectionPool _pool = new(options, time);

    /// <summary>Longest time in which nothing moves.</summary>
    public TimeSpan StallTimeout => options.StallTimeout;

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    /// <summary>Connections kept for reuse now.</summary>
    public int IdleConnections => _pool.IdleCount;

    /// <summary>A pooled connection, or a new one.</summary>
    /// <param name="endpoint">Whom to reach.</param>
    /// <param name="fresh">Whether a pooled one has just failed, so that a new one is wanted.</param>
    /// <param name="cancellationToken">Ends the connecting.</param>
    /// <exception cref="TransferException">It cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public (BlockingConnection Connection, bool Pooled) Take(string endpoint, bool fresh, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return !fresh && _pool.TryTake(endpoint) is { } pooled
            ? (pooled, true)
            : (_pool.Connect(endpoint, cancellationToken), false);
    }

    /// <summary>Takes a connection back that stands between two requests.</summary>
    public void Return(BlockingConnection connection) => _pool.Return(connection);

    /// <summary>Runs an exchange, on a second connection when a pooled one turns out to be dead.</summary>
    /// <param name="endpoint">Whom to ask.</param>
    /// <param name="exchange">Sends the request of the given id and receives the answer; may run twice.</param>
    /// <param name="cancellationToken">Gives the connection up.</param>
    /// <exception cref="TransferException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public T Exchange<T>(
        string endpoint, Func<BlockingConnection, ulong, Exchanged<T>> exchange, CancellationToken cancellationToken)
    {
        bool failed = false;
        while (true)
        {
            (BlockingConnection connection, bool pooled) = Take(endpoint, failed, cancellationToken);
            bool reusable = false;
            try
            {
                Exchanged<T> done;
                using (connection.AbortOn(cancellationToken))
                {
                    done = exchange(connection, connection.BeginExchange());
                }

                reusable = done.Reusable && !connection.IsAborted;
                return done.Answer;
            }
            catch (Exception fault) when (
                cancellationToken.IsCancellationRequested && fault is TransferException or SocketException)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (TransferException fault) when (
                fault.Status == Storage.ChunkStatus.Unreachable && pooled && !connection.Answered)
            {
                TransferLog.PooledConnectionBroken(logger, endpoint, fault.Message);
                failed = true;
            }
            finally
            {
                if (reusable)
                {
                    _pool.Return(connection);
                }
                else
                {
                    connection.Dispose();
                }
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _pool.DisposeAsync();
}

/// <summary>An answer, and whether its connection stands between two requests again.</summary>
internal readonly record struct Exchanged<T>(T Answer, bool Reusable);

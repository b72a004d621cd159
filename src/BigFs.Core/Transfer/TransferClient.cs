using Microsoft.Extensions.Logging;

namespace BigFs.Core.Transfer;

/// <summary>
/// Exchanges requests for answers, one at a time on each connection. Every request is safe to repeat (a write is
/// idempotent by its key), so a pooled connection that turns out broken before any byte of an answer is replaced once.
/// </summary>
internal sealed class TransferClient(TransferClientOptions options, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly ConnectionPool _pool = new(options, time);

    /// <summary>Longest time in which nothing moves.</summary>
    public TimeSpan StallTimeout => options.StallTimeout;

    /// <summary>Connections kept for reuse now.</summary>
    public int IdleConnections => _pool.IdleCount;

    /// <summary>Runs an exchange on a connection to the endpoint.</summary>
    /// <param name="endpoint">Whom to ask.</param>
    /// <param name="exchange">Sends the request of the given id and receives the answer; may run twice.</param>
    /// <param name="canRepeat">Whether the exchange can run a second time.</param>
    /// <param name="cancellationToken">Gives the connection up.</param>
    /// <exception cref="TransferException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<T> ExchangeAsync<T>(
        string endpoint,
        Func<FrameConnection, ulong, Task<Exchanged<T>>> exchange,
        Func<bool> canRepeat,
        CancellationToken cancellationToken)
    {
        FrameConnection? pooled = _pool.TryTake(endpoint);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            FrameConnection connection = pooled ?? await _pool.ConnectAsync(endpoint, cancellationToken);
            bool reusable = false;
            try
            {
                Exchanged<T> done;
                using (connection.AbortOn(cancellationToken))
                {
                    ulong requestId = connection.BeginExchange();
                    connection.Watch.Arm(options.StallTimeout);
                    done = await exchange(connection, requestId);
                    connection.Watch.Rest();
                }

                reusable = done.Reusable && !connection.Aborted.IsCancellationRequested;
                return done.Answer;
            }
            catch (TransferException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (TransferException fault) when (
                fault.Status == Storage.ChunkStatus.Unreachable && pooled is not null && !connection.Answered && canRepeat())
            {
                TransferLog.PooledConnectionBroken(logger, endpoint, fault.Message);
                pooled = null;
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

using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>
/// Calls a role wherever its instances are: in turn, and the next one when one cannot be reached. Every operation of the
/// seams may be repeated (it reads, carries an operation id, or does no more the second time), so a call whose
/// connection broke is sent again. An error that a role sends is an answer, and final.
/// </summary>
/// <typeparam name="TClient">The generated client.</typeparam>
internal sealed class RoleConnection<TClient>(
    string role,
    EndpointSource endpoints,
    ChannelCache channels,
    Func<CallInvoker, TClient> create,
    ControlTimeouts timeouts,
    TimeProvider clock,
    Func<TClient, CallOptions, AsyncDuplexStreamingCall<Protocol.Calls, Protocol.Answers>>? exchange = null,
    bool inline = false) : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly CallStreams? _streams = exchange is null
        ? null
        : new CallStreams((endpoint, options) => exchange(create(channels.Get(endpoint)), options), clock, inline);

    private uint _turn;

    /// <summary>Calls and maps the answer.</summary>
    /// <exception cref="BigFsException">
    /// What the role sent; Unavailable with the address, TimedOut, LimitExceeded (a message too large).
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<TResult> CallAsync<TResponse, TResult>(
        Func<TClient, CallOptions, AsyncUnaryCall<TResponse>> call,
        Func<TResponse, TResult> map,
        CancellationToken cancellationToken) =>
        TryAsync(
            async (endpoint, left) =>
            {
                using AsyncUnaryCall<TResponse> sent = call(
                    create(channels.Get(endpoint)),
                    new CallOptions(TraceHeaders(), DateTime.UtcNow + left, cancellationToken));
                return map(await sent.ResponseAsync.ConfigureAwait(false));
            },
            cancellationToken);

    /// <summary>
    /// Calls on the stream that all callers share. The answer may be that it is too large for the stream; an error that the
    /// role sends is thrown.
    /// </summary>
    /// <exception cref="BigFsException">As above.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<Protocol.Answer> ExchangeAsync(Protocol.Call call, CancellationToken cancellationToken) =>
        TryAsync(
            async (endpoint, left) =>
            {
                Protocol.Answer answer =
                    await _streams!.Get(endpoint).SendAsync(call, left, cancellationToken).ConfigureAwait(false);
                return answer.Error is { } error ? throw WireErrors.FromDetail(error, endpoint) : answer;
            },
            cancellationToken);

    /// <summary>
    /// Reads a stream of answers; each may take as long as an operation. Until the first of them it is as with any call;
    /// when the stream breaks afterwards, the caller is told and goes on from what it has.
    /// </summary>
    /// <exception cref="BigFsException">As above.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async IAsyncEnumerable<TResult> StreamAsync<TResponse, TResult>(
        Func<TClient, CallOptions, AsyncServerStreamingCall<TResponse>> call,
        Func<TResponse, TResult> map,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where TResponse : class
    {
        AnswerStream<TResponse> stream = await TryAsync(
            async (endpoint, left) =>
            {
                var opened = new AnswerStream<TResponse>(
                    options => call(create(channels.Get(endpoint)), options), role, endpoint, clock, cancellationToken);
                try
                {
                    await opened.OpenAsync(left).ConfigureAwait(false);
                    return opened;
                }
                catch
                {
                    opened.Dispose();
                    throw;
                }
            },
            cancellationToken).ConfigureAwait(false);
        using (stream)
        {
            while (stream.Current is { } answer)
            {
                yield return map(answer);
                await stream.NextAsync(timeouts.Operation).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<TResult> TryAsync<TResult>(
        Func<string, TimeSpan, Task<TResult>> attempt, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        TimeSpan patience = timeouts.WaitForRole ? timeouts.Operation : timeouts.Connect;
        TimeSpan pause = FirstPause;
        BigFsException? failure = null;
        int attempts = 0;
        for (int round = 1; ; round++)
        {
            ImmutableArray<string> known = await endpoints.GetAsync(
                fresh: round > 1, Left(start, failure), cancellationToken).ConfigureAwait(false);
            uint turn = Interlocked.Increment(ref _turn);
            for (uint i = 0; i < known.Length; i++)
            {
                string endpoint = known[(int)((turn + i) % (uint)known.Length)];
                attempts++;
                try
                {
                    return await attempt(endpoint, Left(start, failure)).ConfigureAwait(false);
                }
                catch (RpcException error)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    failure = WireErrors.Sent(error, endpoint);
                    if (failure is not null)
                    {
                        throw failure;
                    }

                    failure = WireErrors.FromTransport(error, role, endpoint, attempts);
                    if (!WireErrors.IsUnreachable(error))
                    {
                        throw failure;
                    }
                }
            }

            // A pooled connection that broke meanwhile fails the first round, so that even a fixed endpoint gets two.
            bool final = endpoints.IsFixed && !timeouts.WaitForRole && round == 2;
            if (final || clock.GetElapsedTime(start) + pause >= patience)
            {
                throw failure ?? new BigFsException(BigFsErrorCode.Unavailable, $"No {role} is registered at the name server.");
            }

            await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(false);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>Calls where the answer says nothing.</summary>
    /// <exception cref="BigFsException">As above.</exception>
    public async ValueTask CallAsync(
        Func<TClient, CallOptions, AsyncUnaryCall<Protocol.Empty>> call, CancellationToken cancellationToken) =>
        await CallAsync(call, static answer => answer, cancellationToken).ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        if (_streams is not null)
        {
            await _streams.DisposeAsync().ConfigureAwait(false);
        }

        await endpoints.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The caller's activity, for the other end to make its own under it; null when there is none.</summary>
    private static Metadata? TraceHeaders() =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } id } ? new Metadata { { "traceparent", id } } : null;

    private TimeSpan Left(long start, BigFsException? failure)
    {
        TimeSpan left = timeouts.Operation - clock.GetElapsedTime(start);
        return left > TimeSpan.Zero
            ? left
            : throw failure
                ?? new BigFsException(BigFsErrorCode.TimedOut, $"No {role} answered within {timeouts.Operation}.");
    }
}

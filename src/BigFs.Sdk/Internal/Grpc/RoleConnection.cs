using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>
/// Calls a role wherever its instances are: the less loaded of two, and another one when one cannot be reached. Every operation of the
/// seams may be repeated (it reads, carries an operation id, or does no more the second time), so a call whose
/// connection broke is sent again. An error that a role sends is an answer, and final.
/// </summary>
/// <typeparam name="TClient">The generated client.</typeparam>
internal sealed class RoleConnection<TClient>(
    string role,
    InstanceSource instances,
    ChannelCache channels,
    Func<CallInvoker, TClient> create,
    ControlTimeouts timeouts,
    TimeProvider clock,
    Func<TClient, CallOptions, AsyncDuplexStreamingCall<Protocol.Calls, Protocol.Answers>>? exchange = null,
    bool inline = false) : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly Parts _parts = new(channels.Open(role, instances), create, exchange, clock, inline);

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
            async (route, left) =>
            {
                CallRoute.Current = route;
                using AsyncUnaryCall<TResponse> sent = call(
                    _parts.Client,
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
            async (route, left) =>
            {
                string endpoint = Choose(route);
                _parts.Channel.Table.Begin(endpoint);
                try
                {
                    Protocol.Answer answer =
                        await _parts.Streams!.Get(endpoint).SendAsync(call, left, cancellationToken).ConfigureAwait(false);
                    return answer.Error is { } error ? throw WireErrors.FromDetail(error, endpoint) : answer;
                }
                finally
                {
                    _parts.Channel.Table.End(endpoint);
                }
            },
            cancellationToken);

    /// <summary>
    /// Calls what answers with a stream, at the first instance that answers at all; after a break its reader knows how to go on.
    /// </summary>
    /// <exception cref="BigFsException">As above; also while the stream is read.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async IAsyncEnumerable<TResponse> FollowAsync<TResponse>(
        Func<TClient, CallOptions, AsyncServerStreamingCall<TResponse>> call,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (AsyncServerStreamingCall<TResponse> sent, string endpoint, bool isThere) =
            await BeginAsync(call, cancellationToken).ConfigureAwait(false);
        using (sent)
        {
            while (isThere)
            {
                yield return sent.ResponseStream.Current;
                isThere = await NextAsync().ConfigureAwait(false);
            }
        }

        async ValueTask<bool> NextAsync()
        {
            try
            {
                return await sent.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException error)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw WireErrors.Sent(error, endpoint) ?? WireErrors.FromTransport(error, role, endpoint, 1);
            }
        }
    }

    /// <summary>Opens a stream at one instance after the other, until one answers.</summary>
    private async Task<(AsyncServerStreamingCall<TResponse> Sent, string Endpoint, bool IsThere)> BeginAsync<TResponse>(
        Func<TClient, CallOptions, AsyncServerStreamingCall<TResponse>> call, CancellationToken cancellationToken)
    {
        ImmutableArray<string> known = await instances.GetAsync(
            timeouts.Operation, timeouts.WaitForRole, cancellationToken).ConfigureAwait(false);
        var failed = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            string endpoint = _parts.Channel.Table.Choose(known, failed)
                ?? throw new BigFsException(BigFsErrorCode.Unavailable, $"No {role} is known.");
            CallRoute.Current = new CallRoute { Avoid = [], Only = endpoint };
            AsyncServerStreamingCall<TResponse> sent = call(_parts.Client, new CallOptions(cancellationToken: cancellationToken));
            try
            {
                return (sent, endpoint, await sent.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false));
            }
            catch (RpcException error)
            {
                sent.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                failed.Add(endpoint);
                if (WireErrors.Sent(error, endpoint) is { } refusal)
                {
                    throw refusal;
                }

                if (!WireErrors.IsUnreachable(error) || failed.Count == known.Length)
                {
                    throw WireErrors.FromTransport(error, role, endpoint, failed.Count);
                }
            }
        }
    }

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
            async (route, left) =>
            {
                string endpoint = Choose(route);
                CallRoute.Current = new CallRoute { Avoid = [], Only = endpoint };
                var opened = new AnswerStream<TResponse>(
                    options => call(_parts.Client, options), role, endpoint, clock, cancellationToken);
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
        Func<CallRoute, TimeSpan, Task<TResult>> attempt, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        TimeSpan patience = timeouts.WaitForRole ? timeouts.Operation : timeouts.Connect;
        TimeSpan pause = FirstPause;
        BigFsException? failure = null;
        int attempts = 0;
        for (int round = 1; ; round++)
        {
            ImmutableArray<string> known = await instances.GetAsync(
                Left(start, failure), timeouts.WaitForRole, cancellationToken).ConfigureAwait(false);
            var failed = new HashSet<string>(StringComparer.Ordinal);
            while (failed.Count < known.Length)
            {
                attempts++;
                var route = new CallRoute { Avoid = failed };
                try
                {
                    return await attempt(route, Left(start, failure)).ConfigureAwait(false);
                }
                catch (RpcException error)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    string endpoint = route.Endpoint ?? known[0];
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

                    if (route.Endpoint is null || !failed.Add(endpoint))
                    {
                        // None was left to choose.
                        break;
                    }
                }
            }

            // A connection that broke meanwhile fails the first round, so that even a fixed endpoint gets two.
            bool final = instances.IsFixed && !timeouts.WaitForRole && round == 2;
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
        if (_parts.Streams is { } streams)
        {
            await streams.DisposeAsync().ConfigureAwait(false);
        }

        _parts.Channel.Dispose();
        await instances.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The caller's activity, for the other end to make its own under it; null when there is none.</summary>
    private static Metadata? TraceHeaders() =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } id } ? new Metadata { { "traceparent", id } } : null;

    /// <summary>Chooses an instance for what is not left to the channel's balancer, by the same table.</summary>
    private string Choose(CallRoute route) =>
        route.Endpoint = _parts.Channel.Table.Choose(instances.Known, route.Avoid)
            ?? throw new RpcException(new Status(StatusCode.Unavailable, "No instance is left to try."));

    private TimeSpan Left(long start, BigFsException? failure)
    {
        TimeSpan left = timeouts.Operation - clock.GetElapsedTime(start);
        return left > TimeSpan.Zero
            ? left
            : throw failure
                ?? new BigFsException(BigFsErrorCode.TimedOut, $"No {role} answered within {timeouts.Operation}.");
    }

    /// <summary>The channel to the instances and what calls through it.</summary>
    private sealed class Parts
    {
        public Parts(
            RoleChannel channel,
            Func<CallInvoker, TClient> create,
            Func<TClient, CallOptions, AsyncDuplexStreamingCall<Protocol.Calls, Protocol.Answers>>? exchange,
            TimeProvider clock,
            bool inline)
        {
            Channel = channel;
            Client = create(channel.Invoker);
            Streams = exchange is null ? null : new CallStreams(Open, clock, inline);

            AsyncDuplexStreamingCall<Protocol.Calls, Protocol.Answers> Open(string endpoint, CallOptions options)
            {
                CallRoute? before = CallRoute.Current;
                CallRoute.Current = new CallRoute { Avoid = [], Only = endpoint };
                try
                {
                    return exchange(Client, options);
                }
                finally
                {
                    CallRoute.Current = before;
                }
            }
        }

        public RoleChannel Channel { get; }

        public TClient Client { get; }

        public CallStreams? Streams { get; }
    }
}

using System.Collections.Immutable;
using BigFs.Core.Control;

namespace BigFs.Internal.Grpc;

/// <summary>Where the instances of a role are, as endpoints "host:port". Thread-safe.</summary>
internal abstract class EndpointSource : IAsyncDisposable
{
    /// <summary>Whether asking again can give another answer.</summary>
    public abstract bool IsFixed { get; }

    /// <summary>The endpoints; empty when no instance is known.</summary>
    /// <param name="fresh">Whether those known before failed just now.</param>
    /// <param name="limit">How long to ask.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BigFsException">Nothing is known, and nobody can be asked or answered in time.</exception>
    public abstract ValueTask<ImmutableArray<string>> GetAsync(
        bool fresh, TimeSpan limit, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();
}

/// <summary>Endpoints that a setting names.</summary>
internal sealed class FixedEndpoints(params ImmutableArray<string> endpoints) : EndpointSource
{
    public override bool IsFixed => true;

    public override ValueTask<ImmutableArray<string>> GetAsync(
        bool fresh, TimeSpan limit, CancellationToken cancellationToken) =>
        ValueTask.FromResult(endpoints);

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>
/// Endpoints that the name server gives. What it said last stays in use while it is away or, restarted, knows nobody
/// yet: not seen is not gone, and a dead instance is found out by calling it.
/// </summary>
internal sealed class ResolvedEndpoints(INameServer names, ServiceRole role, TimeProvider clock) : EndpointSource
{
    /// <summary>After which time the name server is asked again, beside the calls: new instances take their share.</summary>
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private ImmutableArray<string> _known = [];
    private long _askedAt;
    private Task _refresh = Task.CompletedTask;

    public override bool IsFixed => false;

    public override async ValueTask<ImmutableArray<string>> GetAsync(
        bool fresh, TimeSpan limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!fresh && !_known.IsEmpty)
            {
                if (_refresh.IsCompleted && clock.GetElapsedTime(_askedAt) >= RefreshInterval)
                {
                    _askedAt = clock.GetTimestamp();
                    _refresh = AskAsync(_stop.Token);
                }

                return _known;
            }
        }

        BigFsException? failure;
        using (var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            end.CancelAfter(limit);
            try
            {
                failure = await AskAsync(end.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                failure = new BigFsException(BigFsErrorCode.TimedOut, "The name server did not answer in time.");
            }
        }

        lock (_gate)
        {
            return failure is null || !_known.IsEmpty ? _known : throw failure;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _refresh.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task<BigFsException?> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            ImmutableArray<ServiceInstance> instances =
                await names.ResolveAsync(role, cancellationToken).ConfigureAwait(false);
            lock (_gate)
            {
                _askedAt = clock.GetTimestamp();
                _known = instances.IsEmpty ? _known : [.. instances.Select(instance => instance.Endpoint)];
            }

            return null;
        }
        catch (BigFsException failure)
        {
            return failure;
        }
    }
}

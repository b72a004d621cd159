using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Hosting.Grpc;

namespace BigFs.Hosting.NameServer;

/// <summary>
/// The name server: leases in memory. Its state is soft: after a restart the owners' renewals bring it back. Leases run
/// by the monotonic clock, so that a clock's jump ends none. Thread-safe.
/// </summary>
internal sealed class NameServer(TimeProvider clock) : INameServer
{
    /// <summary>Most leases at once: 4,096.</summary>
    public const int MaxLeases = 4096;

    /// <summary>Longest id and longest name of a host, in characters: 255.</summary>
    public const int MaxNameLength = 255;

    private readonly Lock _gate = new();
    private readonly SortedDictionary<(ServiceRole Role, string Id), (ServiceInstance Instance, long RenewedAt)> _leases =
        new(Comparer<(ServiceRole Role, string Id)>.Create((left, right) =>
            left.Role != right.Role ? left.Role.CompareTo(right.Role) : string.CompareOrdinal(left.Id, right.Id)));

    /// <summary>How long a lease lasts without renewal; default 5 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Which endpoints may be registered; default: on loopback.</summary>
    public EndpointRules Endpoints { get; init; } = EndpointRules.LoopbackOnly;

    /// <inheritdoc/>
    /// <exception cref="BigFsException">
    /// InvalidArgument (an address beyond loopback, an empty or over-long id, an over-long host), LimitExceeded (too many leases).
    /// </exception>
    public ValueTask<TimeSpan> RegisterAsync(ServiceInstance instance, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (instance.Id.Length is 0 or > MaxNameLength)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"An instance's id has 1 to {MaxNameLength} characters.");
        }

        if (instance.Host.Length > MaxNameLength)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"An instance's host has at most {MaxNameLength} characters.");
        }

        if (Endpoints.Problem(instance.Endpoint, fromLoopback: null) is { } problem)
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, problem);
        }

        lock (_gate)
        {
            var key = (instance.Role, instance.Id);
            if (!_leases.ContainsKey(key) && _leases.Count >= MaxLeases)
            {
                ReapNeedsLock();
                if (_leases.Count >= MaxLeases)
                {
                    throw new BigFsException(
                        BigFsErrorCode.LimitExceeded, $"The name server holds {MaxLeases} leases, no more are given.");
                }
            }

            _leases[key] = (instance, clock.GetTimestamp());
        }

        return ValueTask.FromResult(Lease);
    }

    /// <inheritdoc/>
    public ValueTask ReleaseAsync(ServiceRole role, string id, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _leases.Remove((role, id));
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ServiceInstance>> ResolveAsync(ServiceRole role, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            ReapNeedsLock();
            return ValueTask.FromResult<ImmutableArray<ServiceInstance>>(
                [.. _leases.Values.Select(lease => lease.Instance).Where(instance => instance.Role == role)]);
        }
    }

    private void ReapNeedsLock()
    {
        foreach (var (key, _) in _leases.Where(lease => clock.GetElapsedTime(lease.Value.RenewedAt) >= Lease).ToList())
        {
            _leases.Remove(key);
        }
    }
}

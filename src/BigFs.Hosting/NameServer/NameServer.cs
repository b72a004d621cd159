using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Control;
using BigFs.Hosting.Grpc;

namespace BigFs.Hosting.NameServer;

/// <summary>
/// The name server: leases in memory. Its state is soft: after a restart the owners' renewals bring it back. Leases run
/// by the monotonic clock, so that a clock's jump ends none. A renewal and an expiry take constant time, whatever the
/// number of leases. Thread-safe.
/// </summary>
internal sealed class NameServer(TimeProvider clock) : INameServer
{
    /// <summary>Most leases at once: 32,768.</summary>
    public const int MaxLeases = 32768;

    /// <summary>Longest id and longest name of a host, in characters: 255.</summary>
    public const int MaxNameLength = 255;

    private readonly Lock _gate = new();
    private readonly Guid _incarnation = Guid.NewGuid();
    private readonly Dictionary<(ServiceRole Role, string Id), LinkedListNode<Held>> _leases = [];

    /// <summary>The leases by the time of their last renewal: all last equally long, so that the first ends first.</summary>
    private readonly LinkedList<Held> _byAge = new();
    private readonly Dictionary<ServiceRole, RoleLeases> _roles =
        Enum.GetValues<ServiceRole>().ToDictionary(role => role, _ => new RoleLeases());

    /// <summary>
    /// How long a lease lasts without renewal; default 4 s: its owner renews it three times meanwhile, and an owner that
    /// died is forgotten within 5 s.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Which endpoints may be registered; default: on loopback.</summary>
    public EndpointRules Endpoints { get; init; } = EndpointRules.LoopbackOnly;

    /// <inheritdoc/>
    /// <exception cref="BigFsException">
    /// InvalidArgument (an address beyond loopback, an empty or over-long id, an over-long host), LimitExceeded (too many leases).
    /// </exception>
    public ValueTask<TimeSpan> RegisterAsync(ServiceInstance instance, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Check(instance);
        var key = (instance.Role, instance.Id);
        lock (_gate)
        {
            if (_leases.TryGetValue(key, out LinkedListNode<Held>? node))
            {
                _byAge.Remove(node);
            }
            else
            {
                MakeRoomNeedsLock();
                _leases[key] = node = new LinkedListNode<Held>(default);
            }

            node.Value = new Held(instance.Role, instance.Id, clock.GetTimestamp());
            _byAge.AddLast(node);
            _roles[instance.Role].Set(instance);
        }

        return ValueTask.FromResult(Lease);
    }

    /// <inheritdoc/>
    public ValueTask ReleaseAsync(ServiceRole role, string id, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_leases.Remove((role, id), out LinkedListNode<Held>? node))
            {
                _byAge.Remove(node);
                _roles[role].Remove(id);
            }
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
            return ValueTask.FromResult(_roles[role].All);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<InstanceUpdate> WatchAsync(
        ServiceRole role, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long known = 0;
        bool isFirst = true;
        while (true)
        {
            InstanceUpdate? update;
            Task change;
            TimeSpan firstEnd;
            lock (_gate)
            {
                ReapNeedsLock();
                update = _roles[role].Since(known, _incarnation, Lease, isFirst);
                change = _roles[role].NextChange;
                firstEnd = FirstEndNeedsLock();
            }

            if (update is not null)
            {
                (known, isFirst) = (update.Version, false);
                yield return update;
                continue;
            }

            // A lease that ends is noticed by those who would be told of it.
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(change, Task.Delay(firstEnd, clock, end.Token));
            await end.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private void Check(ServiceInstance instance)
    {
        if (instance.Id.Length is 0 or > MaxNameLength)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"An instance's id has 1 to {MaxNameLength} characters.");
        }

        if (instance.Host.Length > MaxNameLength || instance.Version.Length > MaxNameLength)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"An instance's host and version have at most {MaxNameLength} characters.");
        }

        if (Endpoints.Problem(instance.Endpoint, fromLoopback: null) is { } problem)
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, problem);
        }
    }

    private void MakeRoomNeedsLock()
    {
        if (_leases.Count < MaxLeases)
        {
            return;
        }

        ReapNeedsLock();
        if (_leases.Count >= MaxLeases)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"The name server holds {MaxLeases} leases, no more are given.");
        }
    }

    private void ReapNeedsLock()
    {
        while (_byAge.First is { } oldest && clock.GetElapsedTime(oldest.Value.RenewedAt) >= Lease)
        {
            _byAge.RemoveFirst();
            _leases.Remove((oldest.Value.Role, oldest.Value.Id));
            _roles[oldest.Value.Role].Remove(oldest.Value.Id);
        }
    }

    /// <summary>How long until the first lease may end; not quite nothing, so that nobody turns in circles.</summary>
    private TimeSpan FirstEndNeedsLock()
    {
        TimeSpan left = _byAge.First is { } oldest ? Lease - clock.GetElapsedTime(oldest.Value.RenewedAt) : Lease;
        return left > TimeSpan.FromMilliseconds(1) ? left : TimeSpan.FromMilliseconds(1);
    }

    private readonly record struct Held(ServiceRole Role, string Id, long RenewedAt);
}

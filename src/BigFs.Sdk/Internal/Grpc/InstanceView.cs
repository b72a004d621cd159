using System.Collections.Immutable;
using BigFs.Core.Control;

namespace BigFs.Internal.Grpc;

/// <summary>
/// What the updates of a watch add up to. Not seen is not gone: what a name server that has just begun, or another one,
/// does not know stays for the time of a lease, in which its owner comes back to that one; and the last that were known
/// stay until others come, because a dead one is found out by calling it. Not thread-safe.
/// </summary>
internal sealed class InstanceView(TimeProvider clock)
{
    private readonly SortedDictionary<string, ServiceInstance> _instances = new(StringComparer.Ordinal);

    /// <summary>Known from before, not confirmed by whom is followed now.</summary>
    private readonly HashSet<string> _unconfirmed = new(StringComparer.Ordinal);
    private Guid _incarnation;
    private long _doubtSince;
    private TimeSpan _lease;

    /// <summary>The endpoints, in the order of their instances' ids.</summary>
    public ImmutableArray<string> Endpoints { get; private set; } = [];

    /// <summary>How long until those that nobody confirmed are to be forgotten by <see cref="ForgetUnconfirmed"/>; null: none are there.</summary>
    public TimeSpan? DoubtLeft
    {
        get
        {
            if (_unconfirmed.Count == 0)
            {
                return null;
            }

            TimeSpan left = _lease - clock.GetElapsedTime(_doubtSince);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>Takes an update in.</summary>
    /// <returns>Whether the endpoints are others now.</returns>
    public bool Apply(InstanceUpdate update)
    {
        if (update.IsSnapshot)
        {
            bool same = _incarnation == update.Incarnation;
            _unconfirmed.Clear();
            if (same)
            {
                _instances.Clear();
            }
            else
            {
                _unconfirmed.UnionWith(_instances.Keys);
                _doubtSince = clock.GetTimestamp();
            }
        }

        (_incarnation, _lease) = (update.Incarnation, update.Lease);
        foreach (ServiceInstance instance in update.Instances)
        {
            _instances[instance.Id] = instance;
            _unconfirmed.Remove(instance.Id);
        }

        foreach (string id in update.Gone)
        {
            _instances.Remove(id);
        }

        return Publish();
    }

    /// <summary>Forgets those that nobody confirmed in time.</summary>
    /// <returns>Whether the endpoints are others now.</returns>
    public bool ForgetUnconfirmed()
    {
        foreach (string id in _unconfirmed)
        {
            _instances.Remove(id);
        }

        _unconfirmed.Clear();
        return Publish();
    }

    private bool Publish()
    {
        ImmutableArray<string> now = [.. _instances.Values.Select(instance => instance.Endpoint).Distinct(StringComparer.Ordinal)];
        if (now.IsEmpty || now.AsSpan().SequenceEqual(Endpoints.AsSpan()))
        {
            return false;
        }

        Endpoints = now;
        return true;
    }
}

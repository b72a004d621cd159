using System.Collections.Immutable;
using BigFs.Core.Control;

namespace BigFs.Hosting.NameServer;

/// <summary>
/// The instances of one role, and what changed of late. Renewals that say nothing new change nothing, so that asking
/// costs nothing either: the list is made once for each change. Not thread-safe.
/// </summary>
internal sealed class RoleLeases
{
    /// <summary>Changes that are remembered; who is further behind is told everything: 1,024.</summary>
    public const int MaxChanges = 1024;

    private readonly SortedDictionary<string, ServiceInstance> _instances = new(StringComparer.Ordinal);
    private readonly Queue<string> _changed = new();
    private ImmutableArray<ServiceInstance>? _all;
    private TaskCompletionSource _next = NewSignal();

    /// <summary>Counts changes; the first is 1.</summary>
    public long Version { get; private set; }

    /// <summary>All instances, ordered by id.</summary>
    public ImmutableArray<ServiceInstance> All => _all ??= [.. _instances.Values];

    /// <summary>Done when something changes after this was read.</summary>
    public Task NextChange => _next.Task;

    /// <summary>Notes what is known of an instance.</summary>
    public void Set(ServiceInstance instance)
    {
        if (_instances.TryGetValue(instance.Id, out ServiceInstance? known) && known == instance)
        {
            return;
        }

        _instances[instance.Id] = instance;
        Note(instance.Id);
    }

    /// <summary>Forgets an instance.</summary>
    public void Remove(string id)
    {
        if (_instances.Remove(id))
        {
            Note(id);
        }
    }

    /// <summary>What somebody who knows a version must be told; null when that is nothing.</summary>
    /// <param name="known">The version; 0 for somebody who knows nothing.</param>
    /// <param name="incarnation">See <see cref="InstanceUpdate.Incarnation"/>.</param>
    /// <param name="lease">See <see cref="InstanceUpdate.Lease"/>.</param>
    /// <param name="isFirst">Whether it is told even that there is nobody.</param>
    public InstanceUpdate? Since(long known, Guid incarnation, TimeSpan lease, bool isFirst)
    {
        if (known == Version && !isFirst)
        {
            return null;
        }

        long behind = Version - known;
        bool all = isFirst || behind > _changed.Count;
        SortedSet<string> ids = all ? [] : new(_changed.Skip(_changed.Count - (int)behind), StringComparer.Ordinal);
        return new InstanceUpdate
        {
            Incarnation = incarnation,
            Version = Version,
            IsSnapshot = all,
            Instances = all ? All : [.. ids.Where(_instances.ContainsKey).Select(id => _instances[id])],
            Gone = [.. ids.Where(id => !_instances.ContainsKey(id))],
            Lease = lease,
        };
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Note(string id)
    {
        Version++;
        _all = null;
        _changed.Enqueue(id);
        if (_changed.Count > MaxChanges)
        {
            _changed.Dequeue();
        }

        _next.SetResult();
        _next = NewSignal();
    }
}

using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Core.Replication;

namespace BigFs.Hosting.NodeManager;

/// <summary>
/// Keeps the cluster's truth: one change after the other, each persisted before it is applied, applied before anyone acts
/// on it, then told to the bus. Readers take a snapshot and never wait. Thread-safe.
/// </summary>
internal sealed class ClusterBook
{
    private readonly IVolumeMapStore _store;
    private readonly IClusterBus _bus;
    private readonly int _defaultReplicas;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile ClusterSnapshot? _current;
    private bool _isEnded;
    private volatile TaskCompletionSource _changed = NewSignal();

    public ClusterBook(IVolumeMapStore store, IClusterBus bus, int defaultReplicas) =>
        (_store, _bus, _defaultReplicas) = (store, bus, defaultReplicas);

    /// <summary>The truth now.</summary>
    public ClusterSnapshot Current =>
        _current ?? throw new InvalidOperationException("The node manager has not been started.");

    /// <summary>Ends with the next change. Take it before the snapshot, so that no change is missed.</summary>
    public Task Changed => _changed.Task;

    /// <summary>Begins a term and loads everything; no node has been heard from yet.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        VolumeMapContents contents = await _store.BeginTermAsync(cancellationToken);
        ImmutableSortedDictionary<NodeId, NodeEntry> nodes = contents.Nodes.ToImmutableSortedDictionary(
            node => node.Id, node => new NodeEntry(node, NodeState.Joining));
        ImmutableSortedDictionary<VolumeId, VolumeRecord> volumes =
            contents.Volumes.ToImmutableSortedDictionary(volume => volume.Id, volume => volume);

        // The term in the upper half: versions grow over restarts without being written at each change.
        _current = Snapshot(
            contents.ClusterId, contents.Term, contents.Term << 32, contents.Namespace, contents.VolumeFloor, contents.Generation, nodes, volumes);
    }

    /// <summary>Makes a change that is decided on the truth of that very moment.</summary>
    /// <param name="decide">Returns what is to change, or null for nothing.</param>
    /// <param name="cancellationToken">Ends the wait for a turn; a change that has begun is finished.</param>
    /// <returns>Whether there was a change.</returns>
    /// <exception cref="BigFsException">The store failed, or the book is closed; nothing was changed.</exception>
    public async Task<bool> ChangeAsync(Func<ClusterSnapshot, ClusterChange?> decide, CancellationToken cancellationToken)
    {
        ClusterSnapshot after;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_isEnded)
            {
                throw new BigFsException(BigFsErrorCode.Unavailable, "The node manager is stopping.");
            }

            ClusterSnapshot before = Current;
            if (decide(before) is not { } change)
            {
                return false;
            }

            await PersistAsync(before, change);
            after = Snapshot(
                before.Map.ClusterId,
                before.Term,
                before.Map.Version + 1,
                change.Namespace ?? before.Namespace,
                before.VolumeFloor,
                change.Generation ?? before.Generation,
                before.Nodes.SetItems(change.Nodes.Select(node => KeyValuePair.Create(node.Id, node))),
                before.Volumes.SetItems(change.Volumes.Select(volume => KeyValuePair.Create(volume.Id, volume))));
            _current = after;
        }
        finally
        {
            _turn.Release();
        }

        Interlocked.Exchange(ref _changed, NewSignal()).TrySetResult();
        await _bus.PublishAsync(new ClusterMapChanged { Version = after.Map.Version }, CancellationToken.None);
        return true;
    }

    /// <summary>Lets a change that is under way end and refuses all further ones.</summary>
    public async Task EndAsync()
    {
        await _turn.WaitAsync();
        _isEnded = true;
        _turn.Release();
    }

    private async Task PersistAsync(ClusterSnapshot before, ClusterChange change)
    {
        ImmutableArray<NodeRecord> nodes =
        [
            .. change.Nodes.Select(node => node.Record)
                .Where(record => !before.Nodes.TryGetValue(record.Id, out NodeEntry? known) || known.Record != record),
        ];
        if (nodes.IsEmpty && change.Volumes.IsEmpty && change.Namespace is null && change.Generation is null)
        {
            return;
        }

        var commit = new VolumeMapCommit
        {
            Term = before.Term,
            Namespace = change.Namespace,
            Generation = change.Generation,
            Nodes = nodes,
            Volumes = [.. change.Volumes.Select(volume => new VolumeCommit(before.Volumes.GetValueOrDefault(volume.Id), volume))],
        };
        if (!await _store.CommitAsync(commit, CancellationToken.None))
        {
            throw new BigFsException(
                BigFsErrorCode.Internal, "The volume map in the store is not the one that this node manager made.");
        }
    }

    private ClusterSnapshot Snapshot(
        Guid clusterId,
        long term,
        long version,
        Guid? bound,
        long volumeFloor,
        MapGeneration generation,
        ImmutableSortedDictionary<NodeId, NodeEntry> nodes,
        ImmutableSortedDictionary<VolumeId, VolumeRecord> volumes) => new()
        {
            Term = term,
            Namespace = bound,
            VolumeFloor = volumeFloor,
            Generation = generation,
            Nodes = nodes,
            Volumes = volumes,
            Map = new ClusterMap
            {
                ClusterId = clusterId,
                Version = version,
                DefaultReplicas = _defaultReplicas,
                Nodes = [.. nodes.Values.Select(node => node.ToClusterNode())],
                Volumes =
                [
                    .. volumes.Values.Select(volume => new ClusterVolume
                    {
                        Id = volume.Id,
                        Epoch = volume.Epoch,
                        State = volume.State,
                        Members = volume.Members,
                    }),
                ],
            },
        };

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.MetadataServer;

/// <summary>
/// Carries out what tombstones order: sends each volume's due deletions to the members of its current epoch that have not
/// confirmed them, records who has, and forgets those that every member of that epoch has carried out. What is not known, a
/// volume that the map does not list or a member that is away or does not answer, is never taken for done: those wait and are
/// tried again, and hold nobody else up. Tells every node of the namespace's generation, also while collection is paused.
/// </summary>
internal sealed partial class TombstoneWorker(
    ITombstoneQueue tombstones,
    IMetadataIdentity identity,
    INodeManager nodeManager,
    IDataNodeDirectory dataNodes,
    TombstoneWorkerOptions options,
    TimeProvider time,
    ILogger logger)
{
    private readonly HashSet<NodeId> _told = [];
    private long _toldGeneration;
    private bool _isPaused;
    private ClusterMap? _map;

    /// <summary>Works until the token ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                TimeSpan pause = await TryRoundAsync(cancellationToken).ConfigureAwait(false);
                await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The end of the loop.
        }
    }

    // Returns how long to wait before the next round.
    private async Task<TimeSpan> TryRoundAsync(CancellationToken cancellationToken)
    {
        try
        {
            return options.PauseAfter(await RoundAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Most often the node manager is away. What was not settled is claimed again when its claim has run out.
            LogRoundFailed(exception, options.Postponement);
            return options.Postponement;
        }
    }

    private async Task<int> RoundAsync(CancellationToken cancellationToken)
    {
        ClusterMap map = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        TombstoneBatch batch = await tombstones.ClaimTombstonesAsync(
            options.BatchSize, options.Lease, cancellationToken).ConfigureAwait(false);
        await TellGenerationAsync(map, batch.Generation, cancellationToken).ConfigureAwait(false);
        if (batch.IsPaused != _isPaused)
        {
            _isPaused = batch.IsPaused;
            LogPauseChanged(batch.Generation, _isPaused ? "wait for an operator's word" : "go on");
        }

        if (batch.Tombstones.IsEmpty)
        {
            return 0;
        }

        var rounds = new List<VolumeDeletion>();
        var away = new HashSet<NodeId>();
        foreach (IGrouping<VolumeId, Tombstone> group in batch.Tombstones.GroupBy(one => one.Volume).OrderBy(group => group.Key))
        {
            var deletion = new VolumeDeletion(Volume(map, group.Key), [.. group]);
            rounds.Add(deletion);
            if (!deletion.IsKnown)
            {
                LogUnknownVolume(group.Key);
                continue;
            }

            await CarryOutAsync(map, deletion, batch.Generation, away, cancellationToken).ConfigureAwait(false);
        }

        // Who became a member meanwhile may have copied a chunk before its deletion reached the source.
        ClusterMap after = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        await SettleAsync(
            new TombstoneSettlement
            {
                Generation = batch.Generation,
                Done = [.. rounds.SelectMany(deletion => deletion.Done(Volume(after, deletion.Id)))],
                Kept = [.. rounds.SelectMany(deletion => deletion.Kept(Volume(after, deletion.Id), options.PostponementAfter))],
            },
            cancellationToken).ConfigureAwait(false);
        return batch.Tombstones.Length;
    }

    private async Task SettleAsync(TombstoneSettlement settlement, CancellationToken cancellationToken)
    {
        if (!await tombstones.SettleTombstonesAsync(settlement, cancellationToken).ConfigureAwait(false))
        {
            LogGenerationOver(settlement.Generation);
        }
        else if (!settlement.Kept.IsEmpty)
        {
            LogPostponed(settlement.Kept.Length);
        }
    }

    /// <summary>Sends to each member that is there what it has not confirmed.</summary>
    private async Task CarryOutAsync(
        ClusterMap map, VolumeDeletion deletion, long generation, HashSet<NodeId> away, CancellationToken cancellationToken)
    {
        ClusterNode[] nodes =
        [
            .. deletion.Members.Where(member => !away.Contains(member))
                .Select(member => Present(map, member))
                .OfType<ClusterNode>(),
        ];
        ChunkStatus[] outcomes = await Task.WhenAll(
            nodes.Select(node => DeleteOnAsync(node, deletion, generation, cancellationToken))).ConfigureAwait(false);
        for (int i = 0; i < outcomes.Length; i++)
        {
            switch (outcomes[i])
            {
                case ChunkStatus.Ok:
                    deletion.Confirm(nodes[i].Id);
                    break;
                case ChunkStatus.Unreachable or ChunkStatus.Stalled:
                    away.Add(nodes[i].Id); // One wait for such a node a round is enough.
                    break;
                case ChunkStatus.StaleGeneration:
                    LogStaleGeneration(nodes[i].Id, generation);
                    break;
                default:
                    break;
            }
        }
    }

    private async Task<ChunkStatus> DeleteOnAsync(
        ClusterNode node, VolumeDeletion deletion, long generation, CancellationToken cancellationToken)
    {
        ImmutableArray<ChunkKey> keys = deletion.KeysFor(node.Id);
        if (keys.IsEmpty)
        {
            return ChunkStatus.Ok;
        }

        ChunkStatus status = await dataNodes.Get(node).DeleteAsync(
            deletion.Id, keys, generation, cancellationToken).ConfigureAwait(false);
        if (status != ChunkStatus.Ok)
        {
            LogNotCarriedOut(node.Id, deletion.Id, status);
        }

        return status;
    }

    /// <summary>
    /// Tells nodes that were not told yet: from then on they refuse what an older state of the namespace, served by mistake
    /// beside this one, would have deleted. The node manager first: while it does not know, replicas take each other's older
    /// delete marks.
    /// </summary>
    private async Task TellGenerationAsync(ClusterMap map, long generation, CancellationToken cancellationToken)
    {
        if (_toldGeneration != generation)
        {
            NamespaceIdentity own = await identity.IdentityAsync(cancellationToken).ConfigureAwait(false);
            await nodeManager.BindNamespaceAsync(own.Namespace, generation, cancellationToken).ConfigureAwait(false);
            _told.Clear();
            _toldGeneration = generation;
        }

        ClusterNode[] untold = [.. map.Nodes.Where(node => node.State == NodeState.Up && !_told.Contains(node.Id))];
        ChunkStatus[] outcomes = await Task.WhenAll(untold.Select(
            node => dataNodes.Get(node).AcceptGenerationAsync(generation, cancellationToken).AsTask())).ConfigureAwait(false);
        for (int i = 0; i < untold.Length; i++)
        {
            if (outcomes[i] == ChunkStatus.StaleGeneration)
            {
                LogStaleGeneration(untold[i].Id, generation);
            }

            if (outcomes[i] is ChunkStatus.Ok or ChunkStatus.StaleGeneration)
            {
                _told.Add(untold[i].Id);
            }
        }
    }

    private async Task<ClusterMap> RefreshMapAsync(CancellationToken cancellationToken)
    {
        ClusterMap? newer = await nodeManager.GetMapAsync(_map?.Version ?? -1, cancellationToken).ConfigureAwait(false);
        return _map = newer ?? _map
            ?? throw new BigFsException(BigFsErrorCode.Unavailable, "The node manager gave no cluster map.");
    }

    private static ClusterNode? Present(ClusterMap map, NodeId id)
    {
        ClusterNode? node = map.Nodes.FirstOrDefault(one => one.Id == id);
        return node?.State is NodeState.Up or NodeState.Joining ? node : null;
    }

    private static ClusterVolume? Volume(ClusterMap map, VolumeId id)
    {
        (int low, int high) = (0, map.Volumes.Length);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = map.Volumes[middle].Id.CompareTo(id) < 0 ? (middle + 1, high) : (low, middle);
        }

        return low < map.Volumes.Length && map.Volumes[low].Id == id ? map.Volumes[low] : null;
    }

    [LoggerMessage(EventId = 3201, Level = LogLevel.Warning, Message = "A round of deletions failed; the next is in {Delay}")]
    private partial void LogRoundFailed(Exception exception, TimeSpan delay);

    [LoggerMessage(
        EventId = 3202, Level = LogLevel.Information, Message = "{Count} deletions wait for members that have not carried them out")]
    private partial void LogPostponed(int count);

    [LoggerMessage(
        EventId = 3203, Level = LogLevel.Warning, Message = "Deletions name volume {Volume}, which the map does not list")]
    private partial void LogUnknownVolume(VolumeId volume);

    [LoggerMessage(
        EventId = 3204, Level = LogLevel.Debug, Message = "Node {Node} did not delete in volume {Volume}: {Status}")]
    private partial void LogNotCarriedOut(NodeId node, VolumeId volume, ChunkStatus status);

    [LoggerMessage(
        EventId = 3205,
        Level = LogLevel.Error,
        Message = "Node {Node} has seen a newer generation of the namespace than {Generation} and deletes nothing for this one: an older state is served here")]
    private partial void LogStaleGeneration(NodeId node, long generation);

    [LoggerMessage(
        EventId = 3206, Level = LogLevel.Warning, Message = "In generation {Generation} of the namespace deletions {What}")]
    private partial void LogPauseChanged(long generation, string what);

    [LoggerMessage(
        EventId = 3207,
        Level = LogLevel.Warning,
        Message = "Generation {Generation} of the namespace ended in the middle of a round of deletions; nothing was recorded")]
    private partial void LogGenerationOver(long generation);
}

using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.MetadataServer;

/// <summary>
/// Carries out what tombstones order: sends each volume's due deletions to all its members, and forgets those that every
/// member of the current epoch has carried out. What is not known, a volume that the map does not list or a member that is
/// away or does not answer, is never taken for done: those tombstones wait and are tried again.
/// </summary>
internal sealed partial class TombstoneWorker(
    ITombstoneQueue tombstones,
    INodeManager nodeManager,
    IDataNodeDirectory dataNodes,
    TombstoneWorkerOptions options,
    TimeProvider time,
    ILogger logger)
{
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
            int worked = await RoundAsync(cancellationToken).ConfigureAwait(false);
            return worked == options.BatchSize ? options.BusyPause : options.IdlePause;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Most often the node manager is away. Nothing was confirmed: the tombstones are still due.
            LogRoundFailed(exception, options.Postponement);
            return options.Postponement;
        }
    }

    private async Task<int> RoundAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<Tombstone> due =
            await tombstones.DueTombstonesAsync(options.BatchSize, cancellationToken).ConfigureAwait(false);
        if (due.IsEmpty)
        {
            return 0;
        }

        ClusterMap map = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        var carried = new List<IGrouping<VolumeId, Tombstone>>();
        var kept = new List<long>();
        var away = new HashSet<NodeId>();
        foreach (IGrouping<VolumeId, Tombstone> volume in due.GroupBy(one => one.Volume).OrderBy(group => group.Key))
        {
            ImmutableArray<ChunkKey> keys = [.. volume.Select(one => one.Key)];
            if (await DeleteEverywhereAsync(map, volume.Key, keys, away, cancellationToken).ConfigureAwait(false))
            {
                carried.Add(volume);
            }
            else
            {
                kept.AddRange(volume.Select(one => one.Id));
            }
        }

        // Who became a member meanwhile may have copied a chunk before its deletion reached the source.
        ClusterMap after = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        ILookup<bool, IGrouping<VolumeId, Tombstone>> settled =
            carried.ToLookup(volume => SameMembers(Volume(map, volume.Key), Volume(after, volume.Key)));
        ImmutableArray<long> done = [.. settled[true].SelectMany(volume => volume).Select(one => one.Id)];
        kept.AddRange(settled[false].SelectMany(volume => volume).Select(one => one.Id));
        await SettleAsync(done, [.. kept], cancellationToken).ConfigureAwait(false);
        return due.Length;
    }

    private async Task SettleAsync(ImmutableArray<long> done, ImmutableArray<long> kept, CancellationToken cancellationToken)
    {
        if (!done.IsEmpty)
        {
            await tombstones.ConfirmTombstonesAsync(done, cancellationToken).ConfigureAwait(false);
        }

        if (!kept.IsEmpty)
        {
            await tombstones.PostponeTombstonesAsync(kept, options.Postponement, cancellationToken).ConfigureAwait(false);
            LogPostponed(kept.Length, options.Postponement);
        }
    }

    private async Task<bool> DeleteEverywhereAsync(
        ClusterMap map,
        VolumeId id,
        ImmutableArray<ChunkKey> keys,
        HashSet<NodeId> away,
        CancellationToken cancellationToken)
    {
        if (Volume(map, id) is not { Members.IsEmpty: false } volume)
        {
            LogUnknownVolume(id);
            return false;
        }

        var nodes = new List<ClusterNode>();
        foreach (VolumeMember member in volume.Members)
        {
            ClusterNode? node = map.Nodes.FirstOrDefault(one => one.Id == member.Node);
            if (node is { State: not NodeState.Suspect } && !away.Contains(node.Id))
            {
                nodes.Add(node);
            }
        }

        ChunkStatus[] outcomes = await Task.WhenAll(
            nodes.Select(node => DeleteOnAsync(node, id, keys, cancellationToken))).ConfigureAwait(false);
        for (int i = 0; i < outcomes.Length; i++)
        {
            // One wait for such a node a round is enough.
            if (outcomes[i] is ChunkStatus.Unreachable or ChunkStatus.Stalled)
            {
                away.Add(nodes[i].Id);
            }
        }

        return nodes.Count == volume.Members.Length && outcomes.All(status => status == ChunkStatus.Ok);
    }

    private async Task<ChunkStatus> DeleteOnAsync(
        ClusterNode node, VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken)
    {
        ChunkStatus status =
            await dataNodes.Get(node).DeleteAsync(volume, keys, cancellationToken).ConfigureAwait(false);
        if (status != ChunkStatus.Ok)
        {
            LogNotCarriedOut(node.Id, volume, status);
        }

        return status;
    }

    private async Task<ClusterMap> RefreshMapAsync(CancellationToken cancellationToken)
    {
        ClusterMap? newer = await nodeManager.GetMapAsync(_map?.Version ?? -1, cancellationToken).ConfigureAwait(false);
        return _map = newer ?? _map
            ?? throw new BigFsException(BigFsErrorCode.Unavailable, "The node manager gave no cluster map.");
    }

    private static ClusterVolume? Volume(ClusterMap map, VolumeId id)
    {
        foreach (ClusterVolume volume in map.Volumes)
        {
            if (volume.Id == id)
            {
                return volume;
            }
        }

        return null;
    }

    private static bool SameMembers(ClusterVolume? before, ClusterVolume? after) =>
        before is not null && after is not null && before.Epoch == after.Epoch
            && before.Members.Select(member => member.Node).SequenceEqual(after.Members.Select(member => member.Node));

    [LoggerMessage(EventId = 3201, Level = LogLevel.Warning, Message = "A round of deletions failed; the next is in {Delay}")]
    private partial void LogRoundFailed(Exception exception, TimeSpan delay);

    [LoggerMessage(
        EventId = 3202, Level = LogLevel.Information, Message = "{Count} deletions wait {Delay} for members that are away")]
    private partial void LogPostponed(int count, TimeSpan delay);

    [LoggerMessage(
        EventId = 3203, Level = LogLevel.Warning, Message = "Deletions name volume {Volume}, which the map does not list")]
    private partial void LogUnknownVolume(VolumeId volume);

    [LoggerMessage(
        EventId = 3204, Level = LogLevel.Debug, Message = "Node {Node} did not delete in volume {Volume}: {Status}")]
    private partial void LogNotCarriedOut(NodeId node, VolumeId volume, ChunkStatus status);
}

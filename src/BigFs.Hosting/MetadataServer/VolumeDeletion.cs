using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.MetadataServer;

/// <summary>One volume's part of a round of deletions: who has to confirm what, and who has. Not thread-safe.</summary>
/// <param name="volume">The volume as the map listed it when the round began; null when it did not.</param>
/// <param name="tombstones">The round's tombstones on it, at least one.</param>
internal sealed class VolumeDeletion(ClusterVolume? volume, ImmutableArray<Tombstone> tombstones)
{
    private readonly HashSet<NodeId> _confirmed = [];

    /// <summary>The volume.</summary>
    public VolumeId Id => tombstones[0].Volume;

    /// <summary>Whether the map lists the volume, with members.</summary>
    public bool IsKnown => volume is { Members.IsEmpty: false };

    /// <summary>Who has to carry the deletions out.</summary>
    public IEnumerable<NodeId> Members => volume?.Members.Select(member => member.Node) ?? [];

    /// <summary>What a member has not confirmed under the volume's epoch.</summary>
    public ImmutableArray<ChunkKey> KeysFor(NodeId member) =>
        [.. tombstones.Where(one => !Earlier(one).Contains(member)).Select(one => one.Key)];

    /// <summary>A member has everything that <see cref="KeysFor"/> gave for it deleted, durably.</summary>
    public void Confirm(NodeId member) => _confirmed.Add(member);

    /// <summary>What is done, when the volume is now as given: still of the same epoch and members.</summary>
    public IEnumerable<long> Done(ClusterVolume? now) =>
        IsSame(now) ? tombstones.Where(IsConfirmedByAll).Select(one => one.Id) : [];

    /// <summary>What is not.</summary>
    public IEnumerable<TombstoneRest> Kept(ClusterVolume? now, Func<int, TimeSpan> delayAfter) =>
        tombstones.Where(one => !IsSame(now) || !IsConfirmedByAll(one)).Select(one => new TombstoneRest(
            one.Id,
            IsSame(now) ? volume!.Epoch : 0,
            [.. Earlier(one).Union(_confirmed)],
            delayAfter(one.Attempts)));

    private bool IsConfirmedByAll(Tombstone one) =>
        IsKnown && Members.All(member => _confirmed.Contains(member) || Earlier(one).Contains(member));

    private IEnumerable<NodeId> Earlier(Tombstone one) => one.Epoch == volume?.Epoch ? one.Confirmed : [];

    private bool IsSame(ClusterVolume? now) =>
        volume is not null && now is not null && volume.Epoch == now.Epoch
            && Members.SequenceEqual(now.Members.Select(member => member.Node));
}

using System.Collections.Immutable;
using System.Globalization;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.Persistence;

namespace BigFs.Hosting.Check;

/// <content>Volumes: every replica against the names.</content>
internal sealed partial class ClusterCheck
{
    private static readonly TimeSpan ProbePatience = TimeSpan.FromSeconds(5);

    /// <summary>What the map and the names say of each other, and the nodes of the map.</summary>
    private async Task CheckMapAsync(ClusterMap map, CancellationToken cancellationToken)
    {
        HashSet<long> listed = [.. map.Volumes.Select(volume => volume.Id.Value)];
        foreach (long volume in _scratch.Volumes().Where(volume => !listed.Contains(volume)))
        {
            await CheckUnknownVolumeAsync(new VolumeId(volume), cancellationToken).ConfigureAwait(false);
        }

        foreach (ClusterNode node in map.Nodes.Where(node => node.State == NodeState.Up))
        {
            NodeReport? report =
                await _dataNodes.Get(node).ProbeAsync(ProbePatience, cancellationToken).ConfigureAwait(false);
            foreach (VolumeReport replica in report?.Volumes ?? [])
            {
                if (Member(await RefreshMapAsync(cancellationToken).ConfigureAwait(false), replica.Volume, node.Id) is null)
                {
                    await _report.AddAsync(new BigFsFinding
                    {
                        Kind = BigFsFindingKind.UnlistedReplica,
                        Volume = replica.Volume.Value,
                        Node = node.Id.ToString(),
                        Detail = string.Create(
                            CultureInfo.InvariantCulture,
                            $"The node holds {replica.Chunks} chunks of a volume of which the map does not make it a member."),
                    }).ConfigureAwait(false);
                }
            }
        }
    }

    private async Task CheckUnknownVolumeAsync(VolumeId volume, CancellationToken cancellationToken)
    {
        ClusterMap now = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        if (now.Volumes.Any(one => one.Id == volume))
        {
            return;
        }

        foreach (StoredReference[] some in _scratch.References(volume).Chunk(KeysPerQuestion))
        {
            var named = await NamedAsync([.. some.Select(one => one.Key)], cancellationToken).ConfigureAwait(false);
            foreach ((ChunkKey key, BigFsPath path) in named)
            {
                await _report.AddAsync(new BigFsFinding
                {
                    Kind = BigFsFindingKind.UnknownVolume,
                    Path = path.ToString(),
                    Volume = volume.Value,
                    Key = key.ToString(),
                    Detail = "The file names a chunk in a volume that the volume map does not list.",
                }).ConfigureAwait(false);
            }
        }
    }

    private async Task CheckVolumeAsync(ClusterVolume volume, ClusterMap map, CancellationToken cancellationToken)
    {
        int asked = 0;
        foreach (VolumeMember member in volume.Members)
        {
            ClusterNode? node = map.Nodes.FirstOrDefault(one => one.Id == member.Node);
            if (!member.Verified)
            {
                await _report.AddAsync(About(
                    BigFsFindingKind.UnverifiedMember, volume.Id, member.Node, "The member has to be compared with its peers."))
                    .ConfigureAwait(false);
            }

            ChunkStatus status = node?.State == NodeState.Up
                ? await ReadReplicaAsync(volume, node, cancellationToken).ConfigureAwait(false)
                : ChunkStatus.Unreachable;
            if (status == ChunkStatus.Ok)
            {
                asked++;
                _replicas++;
            }
            else if (!await TellFailureAsync(volume, member, node, status, cancellationToken).ConfigureAwait(false))
            {
                asked++; // It is certain that there is nothing.
            }
        }

        if (asked == volume.Members.Length)
        {
            await TellLostAsync(volume, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether what the member holds stays unknown.</summary>
    private async Task<bool> TellFailureAsync(
        ClusterVolume volume, VolumeMember member, ClusterNode? node, ChunkStatus status, CancellationToken cancellationToken)
    {
        ClusterMap now = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        if (Member(now, volume.Id, member.Node) is null)
        {
            return true; // Not a member any more; the new ones are not looked at in this run.
        }

        bool isGone = status == ChunkStatus.VolumeNotFound && volume.State != VolumeState.Opening;
        if (status == ChunkStatus.VolumeNotFound && !isGone)
        {
            return true; // Not made yet.
        }

        await _report.AddAsync(isGone
            ? About(BigFsFindingKind.MissingReplica, volume.Id, member.Node, "The member has no replica of the volume.")
            : About(
                BigFsFindingKind.UnknownReplica,
                volume.Id,
                member.Node,
                node is null ? "The map does not list the node."
                    : node.State != NodeState.Up ? $"The node is {node.State}; what it holds is not known."
                    : $"The node could not be read to the end ({status}); what it holds is not known.")).ConfigureAwait(false);
        return !isGone;
    }

    /// <summary>Reads a replica to its end, side by side with what files name of the volume.</summary>
    private async Task<ChunkStatus> ReadReplicaAsync(ClusterVolume volume, ClusterNode node, CancellationToken cancellationToken)
    {
        IDataNode replica = _dataNodes.Get(node);
        using IEnumerator<StoredReference> named = _scratch.References(volume.Id).GetEnumerator();
        bool hasNamed = named.MoveNext();
        var suspects = new List<StoredReference>();
        var after = new ChunkKey(0);
        for (bool isAtEnd = false; !isAtEnd;)
        {
            (ChunkStatus status, ImmutableArray<StoredChunkInfo> page) = await replica.ListChunksAsync(
                volume.Id, after, _options.ChunksPerPage, cancellationToken).ConfigureAwait(false);
            if (status != ChunkStatus.Ok)
            {
                return status;
            }

            isAtEnd = page.Length < _options.ChunksPerPage;
            after = page.IsEmpty ? after : page[^1].Key;
            foreach (StoredChunkInfo held in page)
            {
                for (; hasNamed && named.Current.Key.CompareTo(held.Key) < 0; hasNamed = named.MoveNext())
                {
                    suspects.Add(named.Current);
                }

                bool isNamed = hasNamed && named.Current.Key == held.Key;
                if (!isNamed && !held.Deleted)
                {
                    _scratch.AddUnnamed(volume.Id, held.Key, node.Id);
                }

                for (; hasNamed && named.Current.Key == held.Key; hasNamed = named.MoveNext())
                {
                    if (held.Deleted || held.Length != named.Current.Length || held.Crc32C != named.Current.Crc32C)
                    {
                        suspects.Add(named.Current);
                    }
                }
            }

            for (; isAtEnd && hasNamed; hasNamed = named.MoveNext())
            {
                suspects.Add(named.Current);
                if (suspects.Count >= KeysPerQuestion)
                {
                    await LookAgainAsync(volume, node, suspects, cancellationToken).ConfigureAwait(false);
                }
            }

            await LookAgainAsync(volume, node, suspects, cancellationToken).ConfigureAwait(false);
        }

        return ChunkStatus.Ok;
    }

    /// <summary>Tells of the suspects what is still so: a file names the chunk now, and the member has it not, or not so.</summary>
    private async Task LookAgainAsync(
        ClusterVolume volume, ClusterNode node, List<StoredReference> suspects, CancellationToken cancellationToken)
    {
        if (suspects.Count == 0)
        {
            return;
        }

        StoredReference[] all = [.. suspects.DistinctBy(one => (one.Key, one.Length, one.Crc32C))];
        suspects.Clear();
        Dictionary<ChunkKey, BigFsPath> named =
            await NamedAsync([.. all.Select(one => one.Key).Distinct()], cancellationToken).ConfigureAwait(false);
        ClusterMap now = await RefreshMapAsync(cancellationToken).ConfigureAwait(false);
        if (Member(now, volume.Id, node.Id) is not { } member)
        {
            return;
        }

        foreach (StoredReference one in all)
        {
            if (!named.TryGetValue(one.Key, out BigFsPath path))
            {
                continue;
            }

            (ChunkStatus status, StoredChunkInfo? held) = await HeldAsync(volume.Id, node, one.Key, cancellationToken).ConfigureAwait(false);
            if (status != ChunkStatus.Ok)
            {
                continue; // The listing will meet the same.
            }

            if (held is null)
            {
                _scratch.AddMissing(volume.Id, one.Key);
                await _report.AddAsync(About(
                    BigFsFindingKind.MissingChunk,
                    volume.Id,
                    node.Id,
                    member.Verified ? "The replica lacks the chunk." : "The replica, which is not verified, lacks the chunk.",
                    path,
                    one.Key)).ConfigureAwait(false);
            }
            else if (held.Value.Length != one.Length || held.Value.Crc32C != one.Crc32C)
            {
                await _report.AddAsync(About(
                    BigFsFindingKind.DifferentChunk,
                    volume.Id,
                    node.Id,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"The replica has {held.Value.Length} bytes with CRC-32C {held.Value.Crc32C:x8}, the file names {one.Length} with {one.Crc32C:x8}."),
                    path,
                    one.Key)).ConfigureAwait(false);
            }
        }
    }

    private async Task TellLostAsync(ClusterVolume volume, CancellationToken cancellationToken)
    {
        ImmutableArray<ChunkKey> lost = _scratch.Missing(volume.Id, volume.Members.Length);
        Dictionary<ChunkKey, BigFsPath> named = await NamedAsync(lost, cancellationToken).ConfigureAwait(false);
        foreach ((ChunkKey key, BigFsPath path) in named.OrderBy(pair => pair.Key))
        {
            await _report.AddAsync(new BigFsFinding
            {
                Kind = BigFsFindingKind.LostChunk,
                Path = path.ToString(),
                Volume = volume.Id.Value,
                Key = key.ToString(),
                Detail = "No member of the volume has the chunk.",
            }).ConfigureAwait(false);
        }
    }

    /// <summary>What a node holds under a key now; null when it is not there or deleted.</summary>
    private async Task<(ChunkStatus Status, StoredChunkInfo? Held)> HeldAsync(
        VolumeId volume, ClusterNode node, ChunkKey key, CancellationToken cancellationToken)
    {
        (ChunkStatus status, ImmutableArray<StoredChunkInfo> page) = await _dataNodes.Get(node).ListChunksAsync(
            volume, new ChunkKey(key.Value - 1), 1, cancellationToken).ConfigureAwait(false);
        return (status, status == ChunkStatus.Ok && page is [var held] && held.Key == key && !held.Deleted ? held : null);
    }

    /// <summary>
    /// What nobody was seen to name: named since, deleted since, an upload's that is under way, or an orphan. Only sessions that
    /// were open when the last replica had been read can still name it; they are waited for a while.
    /// </summary>
    private async Task CheckUnnamedAsync(CancellationToken cancellationToken)
    {
        InspectedSessions listed = await _rows.InspectSessionsAsync(null, cancellationToken).ConfigureAwait(false);
        long began = _time.GetTimestamp(), open = -1, row = 0;
        while (_scratch.Unnamed(row, KeysPerQuestion) is { IsEmpty: false } some)
        {
            row = some[^1].Row;
            HashSet<ChunkKey> nameless = await NamelessAsync(some.Select(one => one.Key), cancellationToken).ConfigureAwait(false);
            if (nameless.Count > 0 && open != 0)
            {
                open = await WaitForSessionsAsync(listed.Now, began, cancellationToken).ConfigureAwait(false);
                nameless = await NamelessAsync(nameless, cancellationToken).ConfigureAwait(false);
            }

            foreach ((_, VolumeId volume, ChunkKey key, NodeId id) in some.Where(one => nameless.Contains(one.Key)))
            {
                await TellUnnamedAsync(volume, key, id, open, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task TellUnnamedAsync(
        VolumeId volume, ChunkKey key, NodeId id, long open, CancellationToken cancellationToken)
    {
        ClusterNode? node = _map!.Nodes.FirstOrDefault(one => one.Id == id);
        if (node is null
            || (await HeldAsync(volume, node, key, cancellationToken).ConfigureAwait(false)).Held is not { } held)
        {
            return;
        }

        await _report.AddAsync(About(
            open > 0 ? BigFsFindingKind.ChunkInFlight : BigFsFindingKind.OrphanChunk,
            volume,
            id,
            open > 0
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{held.Length} bytes without a name; {open} upload sessions are open that may name it.")
                : string.Create(CultureInfo.InvariantCulture, $"{held.Length} bytes that nobody names."),
            null,
            key)).ConfigureAwait(false);
    }

    private async Task<HashSet<ChunkKey>> NamelessAsync(IEnumerable<ChunkKey> keys, CancellationToken cancellationToken)
    {
        var nameless = new HashSet<ChunkKey>();
        foreach (ChunkKey[] some in keys.Distinct().Chunk(KeysPerQuestion))
        {
            nameless.UnionWith((await _names.FindOwnersAsync([.. some], cancellationToken).ConfigureAwait(false))
                .Where(one => !one.IsDeleted && one.Owners.IsEmpty)
                .Select(one => one.Chunk));
        }

        return nameless;
    }

    private async Task<long> WaitForSessionsAsync(DateTimeOffset begunBefore, long began, CancellationToken cancellationToken)
    {
        while (true)
        {
            InspectedSessions sessions =
                await _rows.InspectSessionsAsync(begunBefore, cancellationToken).ConfigureAwait(false);
            if (sessions.Open == 0 || _time.GetElapsedTime(began) >= _options.SessionWait)
            {
                return sessions.Open;
            }

            await Task.Delay(SessionPause, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static VolumeMember? Member(ClusterMap map, VolumeId volume, NodeId node)
    {
        ClusterVolume? found = map.Volumes.FirstOrDefault(one => one.Id == volume);
        return found?.Members.Any(member => member.Node == node) == true
            ? found.Members.First(member => member.Node == node)
            : null;
    }

    private static BigFsFinding About(
        BigFsFindingKind kind, VolumeId volume, NodeId node, string detail, BigFsPath? path = null, ChunkKey? key = null) => new()
        {
            Kind = kind,
            Path = path?.ToString(),
            Volume = volume.Value,
            Key = key?.ToString(),
            Node = node.ToString(),
            Detail = detail,
        };
}

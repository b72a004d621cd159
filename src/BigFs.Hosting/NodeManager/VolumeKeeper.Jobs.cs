using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;

namespace BigFs.Hosting.NodeManager;

/// <summary>The jobs on one volume. Each orders first and changes the map last, if the volume is still as it was.</summary>
internal sealed partial class VolumeKeeper
{
    /// <summary>False when it is to be tried again after a pause.</summary>
    private Task<bool> DoAsync(VolumeRecord volume, Work work, CancellationToken cancellationToken)
    {
        // The map as it is now: what the job stands on may have changed while it waited for its turn.
        ClusterSnapshot current = _book.Current;
        if (!ReferenceEquals(current.Volumes[volume.Id], volume))
        {
            return Task.FromResult(true);
        }

        return work switch
        {
            Work.Open => OpenAsync(volume, current, cancellationToken),
            Work.Seal => JoinAsync(volume, JoinPurpose.Seal, current, cancellationToken),
            Work.Return => JoinAsync(volume, JoinPurpose.Return, current, cancellationToken),
            _ => JoinAsync(volume, JoinPurpose.Equalize, current, cancellationToken),
        };
    }

    /// <summary>Has every member open its replica; when all have, the volume takes appends.</summary>
    private async Task<bool> OpenAsync(VolumeRecord volume, ClusterSnapshot current, CancellationToken cancellationToken)
    {
        VolumeOrder order = OrderFor(volume, current);
        ChunkStatus[] answers = await Task.WhenAll(volume.Members.Select(member => _directory
            .Get(current.Nodes[member.Node].ToClusterNode()).OpenVolumeAsync(order, cancellationToken).AsTask()));
        NoteRoom(volume, answers.Contains(ChunkStatus.OutOfSpace));
        if (answers.All(answer => answer == ChunkStatus.Ok))
        {
            return await ChangeAsync(volume, current, volume.Members, now => now.After(VolumeEvent.Opened));
        }

        for (int i = 0; i < answers.Length; i++)
        {
            if (answers[i] != ChunkStatus.Ok)
            {
                NodeManagerLog.OpenRefused(_logger, volume.Id, volume.Members[i].Node, answers[i]);
                AccuseIfAway(volume.Members[i].Node, answers[i]);
            }
        }

        // A replica of another epoch never opens under this one; anything else may pass, and the volume waits for it.
        return answers.Any(answer => answer is ChunkStatus.WrongEpoch or ChunkStatus.NotOpen)
            && await ChangeAsync(volume, current, [], now => now.After(VolumeEvent.Doubted));
    }

    private void NoteRoom(VolumeRecord volume, bool isWithout)
    {
        lock (_lock)
        {
            if (isWithout)
            {
                _withoutRoom[volume.Id] = volume.Epoch;
            }
            else
            {
                _withoutRoom.Remove(volume.Id);
            }
        }
    }

    /// <summary>Brings members together, and takes over who is whole; after equalizing, the volume is reopened.</summary>
    private async Task<bool> JoinAsync(
        VolumeRecord volume, JoinPurpose purpose, ClusterSnapshot current, CancellationToken cancellationToken)
    {
        var join = new ReplicaJoin(_directory, _signer, _logger, new JoinRequest
        {
            Order = OrderFor(volume, current),
            Purpose = purpose,
            WasOpen = volume.WasOpen,
            SpreadsMarks = () => _book.Current.Generation.OwnsMarksOf(volume.Id),
            Present =
            [
                .. volume.Members.Where(member => current.IsUp(member.Node))
                    .Select(member => new JoinMember(current.Nodes[member.Node].ToClusterNode(), member.Verified)),
            ],
        });
        JoinResult result = await join.RunAsync(cancellationToken);
        foreach ((NodeId node, ChunkStatus status) in result.Failures)
        {
            AccuseIfAway(node, status);
        }

        // Whoever was restarted on the way has to be compared again.
        ImmutableArray<VolumeMember> whole =
        [
            .. volume.Members.Where(member => result.Whole.Contains(member.Node) && IsSameStart(member.Node, current, _book.Current)),
        ];
        if (whole.IsEmpty || (purpose == JoinPurpose.Equalize && whole.Length < volume.Members.Length))
        {
            return false;
        }

        bool isDone = await ChangeAsync(volume, current, whole, now => purpose == JoinPurpose.Equalize
            ? now.After(VolumeEvent.Reopened)
            : Verify(now.After(VolumeEvent.Joined), whole, isOnly: purpose == JoinPurpose.Seal));
        if (isDone && purpose != JoinPurpose.Equalize)
        {
            NodeManagerLog.MembersVerified(_logger, volume.Id, string.Join(", ", whole.Select(member => member.Node)));
        }

        return isDone;
    }

    private static VolumeRecord Verify(VolumeRecord volume, ImmutableArray<VolumeMember> whole, bool isOnly) => volume with
    {
        Members =
        [
            .. volume.Members.Select(member => member with
            {
                Verified = whole.Any(one => one.Node == member.Node) || (!isOnly && member.Verified),
            }),
        ],
    };

    /// <summary>Changes a volume if it is still as the job found it and none of these members was restarted since.</summary>
    private async Task<bool> ChangeAsync(
        VolumeRecord volume,
        ClusterSnapshot before,
        ImmutableArray<VolumeMember> steady,
        Func<VolumeRecord, VolumeRecord> change)
    {
        VolumeRecord after = change(volume);
        bool isDone = await _book.ChangeAsync(
            now => ReferenceEquals(now.Volumes[volume.Id], volume)
                && steady.All(member => IsSameStart(member.Node, before, now))
                    ? new ClusterChange { Volumes = [after] }
                    : null,
            _stopping);
        if (isDone && after.State != volume.State)
        {
            NodeManagerLog.VolumeChanged(_logger, volume.Id, volume.State, after.State, after.Epoch);
        }

        return isDone;
    }

    private static bool IsSameStart(NodeId node, ClusterSnapshot before, ClusterSnapshot now) =>
        before.Nodes[node].Record.Incarnation == now.Nodes[node].Record.Incarnation;

    private void AccuseIfAway(NodeId node, ChunkStatus status)
    {
        if (status is ChunkStatus.Unreachable or ChunkStatus.Stalled)
        {
            _accuse(node);
        }
    }

    private static VolumeOrder OrderFor(VolumeRecord volume, ClusterSnapshot current) => new()
    {
        Term = current.Term,
        Volume = volume.Id,
        Epoch = volume.Epoch,
        Members = [.. volume.Members.Select(member => member.Node)],
    };
}

using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;

namespace BigFs.Hosting.NodeManager;

/// <summary>Admission: what a node's word, or its missing answer, changes in the map; each in one transaction.</summary>
internal sealed partial class NodeManager
{
    /// <inheritdoc/>
    public async ValueTask<NodeAdmission> RegisterAsync(NodeReport report, CancellationToken cancellationToken)
    {
        ClusterSnapshot current = _book.Current;
        current.Nodes.TryGetValue(report.Node, out NodeEntry? known);
        if (known is not null && known.Record.Incarnation != report.Incarnation)
        {
            await RequireEndedAsync(known, report);
        }

        await AdmitAsync(report, before: null, known);
        return new NodeAdmission
        {
            ClusterId = current.Map.ClusterId,
            Term = current.Term,
            HeartbeatInterval = _options.HeartbeatInterval,
        };
    }

    /// <inheritdoc/>
    public async ValueTask BindNamespaceAsync(Guid namespaceId, long generation, CancellationToken cancellationToken)
    {
        MapGeneration? begun = null;
        await _book.ChangeAsync(
            current =>
            {
                if (current.Namespace is { } bound && bound != namespaceId)
                {
                    throw new BigFsException(
                        BigFsErrorCode.WrongCluster,
                        $"The names of cluster {current.Map.ClusterId:N} are in the metadata database {bound:N}, not in {namespaceId:N}. "
                            + "Restore a backup of that one; a new database belongs to a new cluster.");
                }

                long highest = current.Volumes.IsEmpty ? 0 : current.Volumes.Keys.Last().Value;
                begun = generation > current.Generation.Number ? new MapGeneration(generation, highest) : null;
                return current.Namespace is null || begun is not null
                    ? new ClusterChange { Namespace = namespaceId, Generation = begun }
                    : null;
            },
            cancellationToken);
        if (begun is not null)
        {
            NodeManagerLog.GenerationBegun(_logger, begun.Number, begun.Floor);
        }
    }

    /// <summary>Refuses a second process under the id of one that lives.</summary>
    private async Task RequireEndedAsync(NodeEntry known, NodeReport report)
    {
        bool isSamePlace = known.Record.ControlEndpoint.Length > 0 && known.Record.ControlEndpoint == report.ControlEndpoint;
        if (isSamePlace)
        {
            return; // Two processes cannot listen on one port: the old one is gone.
        }

        NodeReport? answer = await AskAsync(known.ToClusterNode());
        if (answer is not null && answer.Incarnation != report.Incarnation)
        {
            throw new BigFsException(
                BigFsErrorCode.DataInUse,
                $"Datanode {report.Node} lives already at '{known.Record.ControlEndpoint}'; "
                    + $"a second one at '{report.ControlEndpoint}' with the same id is refused.");
        }
    }

    /// <summary>Takes a node's word into the map.</summary>
    /// <param name="report">What it says.</param>
    /// <param name="before">
    /// The truth when it was asked: only volumes that are still the same are judged, since orders carried out meanwhile may
    /// not be in the report. Null: its volumes are judged only when it was restarted.
    /// </param>
    /// <param name="known">The node as it was known when it was asked; null for an unknown one.</param>
    /// <exception cref="BigFsException">WrongCluster.</exception>
    private async Task AdmitAsync(NodeReport report, ClusterSnapshot? before, NodeEntry? known)
    {
        Guid cluster = _book.Current.Map.ClusterId;
        if (report.ClusterId is { } other && other != cluster)
        {
            throw new BigFsException(
                BigFsErrorCode.WrongCluster,
                $"Datanode {report.Node} belongs to cluster {other:N}; this is cluster {cluster:N}.");
        }

        var volumes = report.Volumes.ToDictionary(volume => volume.Volume);
        NodeEvent happened = default;
        NodeState previous = default;
        int doubted = 0;
        bool isHeard = true;
        await _book.ChangeAsync(
            current =>
            {
                current.Nodes.TryGetValue(report.Node, out NodeEntry? now);
                bool isRestart = now?.Record.Incarnation != report.Incarnation;
                if (isRestart && now?.Record != known?.Record)
                {
                    isHeard = false; // A later start was admitted while this answer was under way.
                    return null;
                }

                happened = !isRestart ? NodeEvent.Answered
                    : report.CleanStart ? NodeEvent.RestartedCleanly
                    : NodeEvent.RestartedUncleanly;
                previous = now?.State ?? NodeState.Joining;
                NodeTransition transition = NodeStates.Next(previous, happened);
                ImmutableArray<VolumeRecord> judged =
                [
                    .. current.Volumes.Values
                        .Where(volume => isRestart || ReferenceEquals(volume, before?.Volumes.GetValueOrDefault(volume.Id)))
                        .Select(volume => (Before: volume, After: ReplicaJudge.Judge(
                            volume, report.Node, volumes.GetValueOrDefault(volume.Id), transition.Effects)))
                        .Where(pair => !ReferenceEquals(pair.Before, pair.After))
                        .Select(pair => pair.After),
                ];
                doubted = judged.Length;
                var entry = new NodeEntry(Record(report), transition.Next);
                return entry == now && judged.IsEmpty ? null : new ClusterChange { Nodes = [entry], Volumes = judged };
            },
            CancellationToken.None);
        if (!isHeard)
        {
            return;
        }

        _watch.Take(report);
        if (happened != NodeEvent.Answered || previous != NodeState.Up)
        {
            NodeManagerLog.NodeChanged(_logger, report.Node, happened, previous, NodeState.Up, doubted);
            NoteUnknownReplicas(report);
            _keeper.Forgive(report.Node);
        }

        _keeper.Kick();
    }

    /// <summary>A node was asked at that time and did not answer.</summary>
    private async Task GiveUpAsync(NodeEntry probed, long asked, NodeEvent happened)
    {
        int ended = 0;
        NodeState next = default;
        bool isNew = await _book.ChangeAsync(
            current =>
            {
                NodeEntry now = current.Nodes[probed.Id];
                NodeTransition transition = NodeStates.Next(now.State, happened);
                next = transition.Next;
                if (now != probed || transition.Next == now.State || _watch.HasReportedSince(now.Id, asked))
                {
                    return null; // It was admitted meanwhile, or nothing changes.
                }

                ImmutableArray<VolumeRecord> changed =
                [
                    .. current.Volumes.Values
                        .Select(volume => (Before: volume, After: ReplicaJudge.Judge(volume, now.Id, null, transition.Effects)))
                        .Where(pair => !ReferenceEquals(pair.Before, pair.After))
                        .Select(pair => pair.After),
                ];
                ended = changed.Length;
                return new ClusterChange { Nodes = [now with { State = transition.Next }], Volumes = changed };
            },
            CancellationToken.None);
        if (isNew && next == NodeState.Dead)
        {
            NodeManagerLog.NodeDead(_logger, probed.Id, _watch.SinceHeard(probed.Id));
        }
        else if (isNew)
        {
            NodeManagerLog.NodeSuspect(_logger, probed.Id, ended);
            _keeper.Interrupt(probed.Id);
            _keeper.Kick();
        }
    }

    private void NoteUnknownReplicas(NodeReport report)
    {
        foreach (VolumeReport volume in report.Volumes)
        {
            if (!_book.Current.Volumes.TryGetValue(volume.Volume, out VolumeRecord? known) || !known.Has(report.Node))
            {
                NodeManagerLog.UnknownReplica(_logger, report.Node, volume.Volume);
            }
        }
    }

    private static NodeRecord Record(NodeReport report) => new()
    {
        Id = report.Node,
        Incarnation = report.Incarnation,
        TransferEndpoint = report.TransferEndpoint,
        ControlEndpoint = report.ControlEndpoint,
    };
}

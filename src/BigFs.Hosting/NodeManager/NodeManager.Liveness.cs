using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Model;

namespace BigFs.Hosting.NodeManager;

/// <summary>
/// Liveness: heartbeats are the cheap sign of life, a probe is the proof. Silence and accusations only lead to a probe, and
/// only a failed probe makes a node suspect, so a bus that is away declares nobody dead.
/// </summary>
internal sealed partial class NodeManager
{
    /// <summary>Follows the heartbeats.</summary>
    private async Task HearAsync()
    {
        try
        {
            await foreach (ClusterEvent message in _bus.SubscribeAsync(ClusterTopic.DataNodeHeartbeats, _stopping))
            {
                if (message is DataNodeHeartbeat heartbeat)
                {
                    Hear(heartbeat);
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private void Hear(DataNodeHeartbeat heartbeat)
    {
        if (_book.Current.Nodes.TryGetValue(heartbeat.Node, out NodeEntry? known)
            && known.Record.Incarnation == heartbeat.Incarnation)
        {
            if (_watch.Hear(heartbeat) && known.State != NodeState.Up)
            {
                Tell(heartbeat.Node, NodeEvent.Silent);
            }

            return;
        }

        // Unknown, or another start of a known one: what it says of itself counts as a registration.
        Probe(heartbeat.Node, isProof: false, () => MeetAsync(heartbeat));
    }

    /// <summary>Looks after every node, interval after interval.</summary>
    private async Task WatchAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(_options.HeartbeatInterval, _time, _stopping);
                LookAround();
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private void LookAround()
    {
        try
        {
            foreach (NodeEntry node in _book.Current.Nodes.Values)
            {
                bool isSilent = node.State != NodeState.Up || _watch.SinceHeard(node.Id) > _options.SuspectAfter;
                if (isSilent && _watch.MayProbe(node.Id))
                {
                    Tell(node.Id, NodeEvent.Silent);
                }
                else if (!isSilent && _watch.SinceReport(node.Id) > _options.ReportInterval && _watch.MayProbe(node.Id))
                {
                    Probe(node.Id, isProof: false, () => ProbeAsync(node));
                }
            }

            NoteSilentBus();
            _keeper.Kick();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            NodeManagerLog.RoundFailed(_logger, exception);
        }
    }

    /// <summary>The silence of many together is the bus's, as long as they answer when they are asked: that is worth a word.</summary>
    private void NoteSilentBus()
    {
        NodeId[] up = [.. _book.Current.Nodes.Values.Where(node => node.State == NodeState.Up).Select(node => node.Id)];
        int silent = up.Count(node => _watch.SinceHeartbeat(node) > _options.SuspectAfter);
        bool isSilent = silent * 2 > up.Length;
        if (isSilent != _isBusSilent && up.Length > 1)
        {
            _isBusSilent = isSilent;
            if (isSilent)
            {
                NodeManagerLog.BusSilent(_logger, silent, up.Length);
            }
            else
            {
                NodeManagerLog.BusHeardAgain(_logger);
            }
        }
    }

    /// <summary>Someone saw the node fail.</summary>
    private void Accuse(NodeId node) => Tell(node, NodeEvent.Accused);

    /// <summary>An event that leaves a node's state as it is, but may ask for a probe.</summary>
    private void Tell(NodeId id, NodeEvent happened)
    {
        if (_book.Current.Nodes.TryGetValue(id, out NodeEntry? node)
            && NodeStates.Next(node.State, happened).Effects.HasFlag(NodeEffects.Probe))
        {
            Probe(id, isProof: true, () => ProbeAsync(node));
        }
    }

    /// <summary>Starts a probe of a node unless one is under way.</summary>
    /// <param name="node">Whom to ask.</param>
    /// <param name="isProof">Whether no answer makes it suspect; holds for a probe that is under way too.</param>
    /// <param name="probe">The question.</param>
    private void Probe(NodeId node, bool isProof, Func<Task> probe)
    {
        lock (_lock)
        {
            if (_probing.TryGetValue(node, out bool isProofAlready))
            {
                _probing[node] = isProof || isProofAlready;
                return;
            }

            _probing[node] = isProof;
        }

        if (!_probes.Start(() => RunProbeAsync(node, probe)))
        {
            EndProbe(node);
        }
    }

    private async Task RunProbeAsync(NodeId node, Func<Task> probe)
    {
        try
        {
            await probe();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (BigFsException refused) when (refused.Code is BigFsErrorCode.WrongCluster or BigFsErrorCode.DataInUse)
        {
            NodeManagerLog.NodeRefused(_logger, node, refused.Message);
        }
        catch (Exception exception)
        {
            // Proves nothing about the node; the next round asks again.
            NodeManagerLog.ProbeError(_logger, node, exception);
        }
        finally
        {
            EndProbe(node);
        }
    }

    private void EndProbe(NodeId node)
    {
        lock (_lock)
        {
            _probing.Remove(node);
        }
    }

    private bool IsProof(NodeId node)
    {
        lock (_lock)
        {
            return _probing.GetValueOrDefault(node);
        }
    }

    /// <summary>Asks a known node, as it was known when the question arose, how it is.</summary>
    private async Task ProbeAsync(NodeEntry node)
    {
        ClusterSnapshot before = _book.Current;
        long asked = _time.GetTimestamp();
        for (int attempt = 1; attempt <= _options.ProbeAttempts; attempt++)
        {
            if (await AskAsync(node.ToClusterNode()) is { } report)
            {
                await AdmitAsync(report, before, node);
                return;
            }
        }

        _watch.Fail(node.Id, _options.HeartbeatInterval, _options.MaxRetryPause);
        bool isEarly = node.State == NodeState.Joining && _time.GetElapsedTime(_started) < _options.SuspectAfter;
        if (IsProof(node.Id) && !isEarly)
        {
            bool isOverdue = node.State == NodeState.Suspect && _watch.SinceHeard(node.Id) >= _options.DeadAfter;
            await GiveUpAsync(node, asked, isOverdue ? NodeEvent.Overdue : NodeEvent.ProbeFailed);
        }
    }

    /// <summary>Asks whoever sent a heartbeat that fits no known start of a process.</summary>
    private async Task MeetAsync(DataNodeHeartbeat heartbeat)
    {
        var there = new ClusterNode
        {
            Id = heartbeat.Node,
            ControlEndpoint = heartbeat.ControlEndpoint,
            TransferEndpoint = "",
            State = NodeState.Joining,
        };
        if (await AskAsync(there) is { } report)
        {
            await RegisterAsync(report, _stopping);
        }
    }

    /// <summary>One probe; null when the node, and nobody else, did not answer in time.</summary>
    private async Task<NodeReport?> AskAsync(ClusterNode node)
    {
        // A directory that misses its own deadline must not keep the node from ever being asked again.
        using var guard = new CancellationTokenSource(_options.ProbeTimeout * 2, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(guard.Token, _stopping);
        try
        {
            NodeReport? report = await _directory.Get(node).ProbeAsync(_options.ProbeTimeout, either.Token);

            // Another node may have taken over the endpoint.
            return report?.Node == node.Id ? report : null;
        }
        catch (OperationCanceledException) when (guard.IsCancellationRequested && !_stopping.IsCancellationRequested)
        {
            return null;
        }
    }
}

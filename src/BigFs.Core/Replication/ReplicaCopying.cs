using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Replication;

/// <summary>
/// Closes differences between replicas: spreads delete marks, has targets fetch what they lack in bounded batches. A
/// target for which something could not be had is not whole, and nothing else is given up for it.
/// </summary>
internal sealed class ReplicaCopying
{
    /// <summary>As many as one page of the transfer protocol may name.</summary>
    private const int MaxBatchChunks = 512;
    private const long MaxBatchBytes = 16L << 20;

    private readonly IDataNodeDirectory _directory;
    private readonly CapabilitySigner _signer;
    private readonly ILogger _logger;
    private readonly VolumeOrder _order;
    private readonly Dictionary<NodeId, ClusterNode> _nodes;
    private readonly Lock _lock = new();

    /// <summary>Both are written by whichever member answers; under the lock.</summary>
    private readonly SortedDictionary<NodeId, TargetState> _targets = [];
    private readonly SortedDictionary<NodeId, ChunkStatus> _failures = [];

    public ReplicaCopying(
        IDataNodeDirectory directory,
        CapabilitySigner signer,
        ILogger logger,
        VolumeOrder order,
        Dictionary<NodeId, ClusterNode> nodes,
        ImmutableArray<NodeId> targets)
    {
        (_directory, _signer, _logger, _order, _nodes) = (directory, signer, logger, order, nodes);
        foreach (NodeId target in targets)
        {
            _targets[target] = TargetState.Whole;
        }
    }

    private enum TargetState
    {
        Whole,

        /// <summary>Some chunk could not be had; others are still fetched.</summary>
        Lacking,

        /// <summary>It takes nothing at present.</summary>
        GivenUp,
    }

    /// <summary>The targets that have everything so far.</summary>
    public ImmutableArray<NodeId> Whole
    {
        get
        {
            lock (_lock)
            {
                return [.. _targets.Where(target => target.Value == TargetState.Whole).Select(target => target.Key)];
            }
        }
    }

    /// <summary>Who refused delete marks.</summary>
    public ImmutableArray<(NodeId Node, ChunkStatus Status)> Failures
    {
        get
        {
            lock (_lock)
            {
                return [.. _failures.Select(pair => (pair.Key, pair.Value))];
            }
        }
    }

    /// <summary>Closes the differences of one range of keys.</summary>
    public async Task CloseAsync(ReplicaDifference difference, CancellationToken cancellationToken)
    {
        foreach (ReplicaConflict conflict in difference.Conflicts)
        {
            ReplicationLog.Conflict(_logger, conflict.Key, _order.Volume);
            foreach (NodeId target in conflict.Lacking)
            {
                Set(target, TargetState.Lacking);
            }
        }

        if (!difference.KeptMarks.IsEmpty)
        {
            ReplicationLog.MarksKept(_logger, _order.Volume, difference.KeptMarks.Length, difference.KeptMarks[0]);
        }

        if (!difference.Surplus.IsEmpty)
        {
            ReplicationLog.Surplus(_logger, _order.Volume, difference.Surplus.Length, difference.Surplus[0]);
        }

        await Task.WhenAll(difference.MissingMarks.GroupBy(mark => mark.Node).Select(
            group => MarkAsync(group.Key, [.. group.Select(mark => mark.Key)], cancellationToken)));
        await Task.WhenAll(difference.Missing.GroupBy(missing => missing.Target).Select(
            group => FetchAllAsync(group.Key, [.. group], cancellationToken)));
    }

    private async Task MarkAsync(NodeId node, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken)
    {
        ChunkStatus status = await _directory.Get(_nodes[node]).DeleteAsync(_order.Volume, keys, cancellationToken);
        if (status != ChunkStatus.Ok)
        {
            lock (_lock)
            {
                _failures[node] = status;
            }
        }
    }

    private async Task FetchAllAsync(NodeId target, MissingChunk[] missing, CancellationToken cancellationToken)
    {
        foreach (IGrouping<NodeId, MissingChunk> fromOne in missing.GroupBy(chunk => chunk.Sources[0]))
        {
            foreach (MissingChunk[] batch in Batches(fromOne))
            {
                if (IsGivenUp(target))
                {
                    return;
                }

                ImmutableArray<StoredChunkInfo> chunks = [.. batch.Select(missing => missing.Chunk)];
                if (await FetchAsync(target, fromOne.Key, chunks, cancellationToken) != ChunkStatus.Ok)
                {
                    await FetchSinglyAsync(target, batch, cancellationToken);
                }
            }
        }
    }

    /// <summary>After a batch failed: each chunk by itself, from any source that has it.</summary>
    private async Task FetchSinglyAsync(NodeId target, MissingChunk[] batch, CancellationToken cancellationToken)
    {
        foreach (MissingChunk missing in batch)
        {
            ChunkStatus status = ChunkStatus.ChunkNotFound;
            foreach (NodeId source in missing.Sources)
            {
                status = await FetchAsync(target, source, [missing.Chunk], cancellationToken);
                if (status is ChunkStatus.Ok or ChunkStatus.ChunkDeleted)
                {
                    break; // Deleted meanwhile: the mark comes by the way of deletes.
                }
            }

            switch (status)
            {
                case ChunkStatus.Ok or ChunkStatus.ChunkDeleted:
                    break;
                case ChunkStatus.Damaged or ChunkStatus.ChunkNotFound or ChunkStatus.ChunkDiffers:
                    ReplicationLog.ChunkNotCopied(_logger, missing.Chunk.Key, _order.Volume, target, status);
                    Set(target, TargetState.Lacking);
                    break;
                default:
                    ReplicationLog.ChunkNotCopied(_logger, missing.Chunk.Key, _order.Volume, target, status);
                    Set(target, TargetState.GivenUp);
                    return;
            }
        }
    }

    private bool IsGivenUp(NodeId target)
    {
        lock (_lock)
        {
            return _targets[target] == TargetState.GivenUp;
        }
    }

    /// <summary>States only get worse.</summary>
    private void Set(NodeId target, TargetState state)
    {
        lock (_lock)
        {
            if (_targets[target] < state)
            {
                _targets[target] = state;
            }
        }
    }

    /// <summary>Each batch has a capability of its own, for a volume's copying may last longer than one lives.</summary>
    private ValueTask<ChunkStatus> FetchAsync(
        NodeId target, NodeId source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken)
    {
        var from = new CopySource(
            new NodeAddress(source, _nodes[source].TransferEndpoint), _signer.SignCopy(_order.Volume, _order.Epoch, [source]));
        return _directory.Get(_nodes[target]).FetchAsync(_order, from, chunks, cancellationToken);
    }

    private static IEnumerable<MissingChunk[]> Batches(IEnumerable<MissingChunk> missing)
    {
        var batch = new List<MissingChunk>();
        long bytes = 0;
        foreach (MissingChunk one in missing)
        {
            if (batch.Count > 0 && (batch.Count == MaxBatchChunks || bytes + one.Chunk.Length > MaxBatchBytes))
            {
                yield return [.. batch];
                batch.Clear();
                bytes = 0;
            }

            batch.Add(one);
            bytes += one.Chunk.Length;
        }

        if (batch.Count > 0)
        {
            yield return [.. batch];
        }
    }
}

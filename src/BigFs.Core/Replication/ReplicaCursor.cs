using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Replication;

/// <summary>
/// Walks through one replica's chunks in the order of their keys, a page at a time, so that replicas of any size are
/// compared in bounded memory.
/// </summary>
internal sealed class ReplicaCursor(NodeId node, IDataNode replica, VolumeId volume)
{
    private const int PageSize = 1024;

    private ImmutableArray<StoredChunkInfo> _page = [];
    private int _taken;
    private ChunkKey _last;
    private bool _isComplete;

    public NodeId Node { get; } = node;

    /// <summary>The last key up to which this cursor knows everything; null when it knows everything there is.</summary>
    public ChunkKey? Horizon => _isComplete ? null : _last;

    /// <summary>Whether nothing is left.</summary>
    public bool IsAtEnd => _isComplete && _taken == _page.Length;

    /// <summary>Fetches the next page when the present one is used up.</summary>
    public async ValueTask<ChunkStatus> FillAsync(CancellationToken cancellationToken)
    {
        if (_taken < _page.Length || _isComplete)
        {
            return ChunkStatus.Ok;
        }

        (ChunkStatus status, ImmutableArray<StoredChunkInfo> page) =
            await replica.ListChunksAsync(volume, _last, PageSize, cancellationToken);
        if (status != ChunkStatus.Ok)
        {
            return status;
        }

        (_page, _taken) = (page, 0);
        if (page.IsEmpty)
        {
            _isComplete = true;
        }
        else
        {
            _last = page[^1].Key;
        }

        return ChunkStatus.Ok;
    }

    /// <summary>Takes what is left up to and including a key; everything when there is no bound.</summary>
    public ImmutableArray<StoredChunkInfo> Take(ChunkKey? horizon)
    {
        int end = _taken;
        while (end < _page.Length && (horizon is not { } bound || _page[end].Key.CompareTo(bound) <= 0))
        {
            end++;
        }

        ImmutableArray<StoredChunkInfo> taken = _page[_taken..end];
        _taken = end;
        return taken;
    }
}

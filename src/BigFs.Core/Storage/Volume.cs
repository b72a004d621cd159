using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>
/// One volume on this node: its log, the index of its chunks, its epoch and state. Thread-safe; orders
/// (<c>Volume.Orders.cs</c>) come one at a time.
/// </summary>
internal sealed partial class Volume
{
    private readonly Lock _lock = new();
    private readonly VolumeContext _context;
    private readonly IDiskFile _file;
    private readonly LogWriter? _writer;
    private readonly ChunkIndex _index = new();

    /// <summary>Chunks that are being written, and delete marks; each leaves when it has its outcome.</summary>
    private readonly Dictionary<ulong, LogEntry> _appending = [];
    private readonly Dictionary<ulong, LogEntry> _deleting = [];
    private readonly long _bytesAtOpen;
    private VolumeEpoch _epoch = new(0, ReplicaState.Failed, []);
    private bool _isFailed;
    private bool _isRefusing;

    private Volume(VolumeContext context, VolumeId id, IDiskFile file, uint seed, LogContents contents)
    {
        _context = context;
        _file = file;
        _bytesAtOpen = contents.End;
        _isFailed = contents.Damage is not null;
        Id = id;
        foreach (FoundRecord record in contents.Records)
        {
            Apply(record.Header.Kind, record.Header.Key, record.Header.Length, record.Header.Crc32C,
                record.PayloadOffset, record.Epoch);
        }

        if (!_isFailed)
        {
            _writer = new LogWriter(file, seed, contents, context.Shared, OnDurable, OnFailed)
            {
                PreparesAhead = _epoch.State == ReplicaState.Open,
            };
        }
    }

    public VolumeId Id { get; }

    /// <summary>The log as the system knows it; null on a disk that is none of the system's.</summary>
    public SafeFileHandle? Handle => _file.Handle;

    public VolumeReport Report()
    {
        lock (_lock)
        {
            return new VolumeReport
            {
                Volume = Id,
                Epoch = _epoch.Epoch,
                State = _isFailed ? ReplicaState.Failed : _epoch.State,
                Chunks = _index.Live,
                Bytes = _writer?.End ?? _bytesAtOpen,
            };
        }
    }

    public ChunkStatus Check(in ChunkAppend request)
    {
        lock (_lock)
        {
            return CheckAppendNeedsLock(request);
        }
    }

    /// <summary>Appends to an open volume; owns the buffer.</summary>
    public ValueTask<ChunkStatus> AppendAsync(
        ChunkAppend request, ChunkBuffer buffer, CancellationToken cancellationToken) =>
        StoreAsync(request, () => CheckAppendNeedsLock(request), buffer, cancellationToken);

    /// <summary>Adds a peer's chunk to a fenced or sealed volume; owns the buffer.</summary>
    public ValueTask<ChunkStatus> AdoptAsync(
        ChunkAppend request, ChunkBuffer buffer, CancellationToken cancellationToken) =>
        StoreAsync(request, () => CheckAdoptNeedsLock(request), buffer, cancellationToken);

    /// <summary>Marks chunks deleted.</summary>
    public async ValueTask<ChunkStatus> DeleteAsync(ImmutableArray<ChunkKey> keys)
    {
        var marks = new List<Task<ChunkStatus>>(keys.Length);
        lock (_lock)
        {
            if (_isFailed)
            {
                return ChunkStatus.DiskFailed;
            }

            foreach (ChunkKey key in keys)
            {
                if (_deleting.TryGetValue(key.Value, out LogEntry? other))
                {
                    marks.Add(other.Outcome);
                }
                else if (!_index.TryGet(key.Value, out IndexedChunk known) || !known.Deleted)
                {
                    marks.Add(WriteNeedsLock(LogEntry.Delete(key.Value), _deleting));
                }
            }
        }

        ChunkStatus[] outcomes = await Task.WhenAll(marks);
        return outcomes.FirstOrDefault(outcome => outcome != ChunkStatus.Ok);
    }

    public async ValueTask<(ChunkStatus Status, StoredChunk? Chunk)> OpenAsync(ChunkKey key)
    {
        IndexedChunk place;
        lock (_lock)
        {
            if (!_index.TryGet(key.Value, out place))
            {
                return (ChunkStatus.ChunkNotFound, null);
            }
        }

        if (place.Deleted)
        {
            return (ChunkStatus.ChunkDeleted, null);
        }

        uint[] blocks = [place.Crc32C]; // a chunk of one block needs no look at the disk
        if (BlockChecksums.Count(place.Length) > 1)
        {
            var trailer = new byte[LogFormat.TrailerLength(place.Length)];
            ChunkStatus status = await ReadAsync(key, LogFormat.TrailerOffset(place.Offset, place.Length), trailer);
            if (status != ChunkStatus.Ok)
            {
                return (status, null);
            }

            blocks = LogFormat.ReadTrailer(trailer);
        }

        if (BlockChecksums.Combine(blocks, place.Length) != place.Crc32C)
        {
            StorageEvents.ChunkDamaged(_context.Logger, key, Id);
            return (ChunkStatus.Damaged, null);
        }

        return (ChunkStatus.Ok, new VolumeChunk(this, key, place, blocks));
    }

    /// <summary>Fills the destination from the log: Ok, DiskFailed, or Busy when the store was closed.</summary>
    public async ValueTask<ChunkStatus> ReadAsync(ChunkKey key, long offset, Memory<byte> destination)
    {
        try
        {
            int count = await _file.ReadAsync(offset, destination);
            return count == destination.Length ? ChunkStatus.Ok : ChunkStatus.DiskFailed;
        }
        catch (DiskException exception)
        {
            StorageEvents.ReadFailed(_context.Logger, exception, key, Id);
            return ChunkStatus.DiskFailed;
        }
        catch (ObjectDisposedException)
        {
            return ChunkStatus.Busy; // the store was closed under a lease
        }
    }

    public (ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks) List(ChunkKey after, int limit)
    {
        lock (_lock)
        {
            return (ChunkStatus.Ok, _index.List(after.Value, limit));
        }
    }

    /// <summary>Reads the chunk and checks every block.</summary>
    public async ValueTask<ChunkStatus> VerifyAsync(ChunkKey key, CancellationToken cancellationToken)
    {
        (ChunkStatus status, StoredChunk? opened) = await OpenAsync(key);
        if (opened is null)
        {
            return status;
        }

        await using StoredChunk chunk = opened;
        var buffer = new byte[Math.Min(chunk.Length, 4 * Limits.BlockSize)];
        for (int done = 0; done < chunk.Length; done += buffer.Length)
        {
            Memory<byte> piece = buffer.AsMemory(0, Math.Min(buffer.Length, chunk.Length - done));
            status = await chunk.ReadAsync(done, piece, cancellationToken);
            if (status != ChunkStatus.Ok)
            {
                return status;
            }

            uint[] read = BlockChecksums.Compute(piece.Span);
            if (!read.AsSpan().SequenceEqual(chunk.BlockChecksums.Span.Slice(done / Limits.BlockSize, read.Length)))
            {
                StorageEvents.ChunkDamaged(_context.Logger, key, Id);
                return ChunkStatus.Damaged;
            }
        }

        return ChunkStatus.Ok;
    }

    /// <summary>Waits for what is under way, gives prepared space back and closes the log.</summary>
    /// <returns>Whether the log is whole: false when it was damaged, or the disk failed.</returns>
    public async ValueTask<bool> CloseAsync()
    {
        await PinAsync();
        bool isWhole = _writer is not null && await _writer.CloseAsync();
        await _file.DisposeAsync();
        return isWhole;
    }

    private async ValueTask<ChunkStatus> StoreAsync(
        ChunkAppend request, Func<ChunkStatus> checkNeedsLock, ChunkBuffer buffer, CancellationToken cancellationToken)
    {
        Task<ChunkStatus>? written = null;
        try
        {
            uint[] blocks = buffer.Checksums.IsWhole ? buffer.Checksums.ToArray() : BlockChecksums.Compute(buffer.Payload.Span);
            if (BlockChecksums.Combine(blocks, request.Length) != request.Crc32C)
            {
                return ChunkStatus.Damaged;
            }

            Task<ChunkStatus> outcome;
            lock (_lock)
            {
                ChunkStatus status = checkNeedsLock();
                if (status != ChunkStatus.Ok || _index.TryGet(request.Key.Value, out _))
                {
                    return status; // a chunk of the index is flushed: the same bytes again are Ok
                }

                if (_appending.TryGetValue(request.Key.Value, out LogEntry? same))
                {
                    outcome = same.Outcome;
                }
                else
                {
                    written = WriteNeedsLock(
                        LogEntry.Chunk(request.Key.Value, request.Crc32C, blocks, buffer), _appending);
                    outcome = written;
                }
            }

            ChunkStatus flushed = await outcome.WaitAsync(cancellationToken);
            lock (_lock)
            {
                // A fence that came meanwhile wins: the chunk is here, but this writer is not told so.
                return flushed == ChunkStatus.Ok && _epoch.Epoch != request.Epoch ? ChunkStatus.WrongEpoch : flushed;
            }
        }
        finally
        {
            if (written is null)
            {
                buffer.Dispose();
            }
        }
    }

    /// <summary>Queues the entry, listed among its kind until it has its outcome.</summary>
    private Task<ChunkStatus> WriteNeedsLock(LogEntry entry, Dictionary<ulong, LogEntry> underWay)
    {
        underWay.Add(entry.Key, entry);
        _writer!.Enqueue(entry);
        return FinishAsync();

        async Task<ChunkStatus> FinishAsync()
        {
            ChunkStatus status = await entry.Outcome;
            lock (_lock)
            {
                underWay.Remove(entry.Key);
            }

            return status;
        }
    }

    private ChunkStatus CheckAppendNeedsLock(in ChunkAppend request)
    {
        ChunkStatus status = CheckEpochNeedsLock(request);
        if (status != ChunkStatus.Ok)
        {
            return status;
        }

        if (_epoch.State != ReplicaState.Open || _isRefusing)
        {
            return ChunkStatus.NotOpen;
        }

        bool isFull = _writer!.ExpectedEnd >= _context.Options.VolumeSizeBytes;
        return CompareNeedsLock(request) ?? (isFull ? ChunkStatus.VolumeFull : ChunkStatus.Ok);
    }

    private ChunkStatus CheckAdoptNeedsLock(in ChunkAppend request)
    {
        ChunkStatus status = CheckEpochNeedsLock(request);
        if (status != ChunkStatus.Ok)
        {
            return status;
        }

        return _epoch.State is ReplicaState.Fenced or ReplicaState.Sealed
            ? CompareNeedsLock(request) ?? ChunkStatus.Ok
            : ChunkStatus.NotOpen;
    }

    private ChunkStatus CheckEpochNeedsLock(in ChunkAppend request)
    {
        if (_isFailed)
        {
            return ChunkStatus.DiskFailed;
        }

        return request.Epoch == _epoch.Epoch && VolumeRules.AreSame(_epoch.Members, request.Members)
            ? ChunkStatus.Ok
            : ChunkStatus.WrongEpoch;
    }

    /// <summary>What the key's history says; null when the key is new here.</summary>
    private ChunkStatus? CompareNeedsLock(in ChunkAppend request)
    {
        bool isIndexed = _index.TryGet(request.Key.Value, out IndexedChunk known);
        if (_deleting.ContainsKey(request.Key.Value) || known.Deleted)
        {
            return ChunkStatus.ChunkDeleted;
        }

        if (!isIndexed && _appending.TryGetValue(request.Key.Value, out LogEntry? entry))
        {
            isIndexed = true;
            known = new IndexedChunk(0, entry.Length, entry.Crc32C, false);
        }

        if (!isIndexed)
        {
            return null;
        }

        return known.Length == request.Length && known.Crc32C == request.Crc32C
            ? ChunkStatus.Ok
            : ChunkStatus.ChunkDiffers;
    }

    private void OnDurable(LogEntry entry)
    {
        lock (_lock)
        {
            Apply(entry.Kind, entry.Key, entry.Length, entry.Crc32C, entry.PayloadOffset, entry.Epoch);
        }
    }

    private void OnFailed(Exception exception)
    {
        lock (_lock)
        {
            _isFailed = true;
        }

        StorageEvents.VolumeFailed(_context.Logger, exception, Id);
    }

    private void Apply(RecordKind kind, ulong key, int length, uint crc, long offset, VolumeEpoch? epoch)
    {
        switch (kind)
        {
            case RecordKind.Chunk:
                _index.AddChunk(key, offset, length, crc);
                break;
            case RecordKind.Delete:
                _index.Delete(key);
                break;
            default:
                _epoch = epoch!;
                _isRefusing = false;
                _writer?.PreparesAhead = epoch!.State == ReplicaState.Open;
                break;
        }
    }
}

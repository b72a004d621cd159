using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Faults;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>
/// One volume on this node: its log, the index of its chunks, its epoch and state. Thread-safe; orders
/// (<c>Volume.Orders.cs</c>) come one at a time.
/// </summary>
internal sealed partial class Volume
{
    private readonly Lock _lock = new();
    private readonly VolumeContext _context;
    private LogFile _log;
    private LogWriter? _writer;
    private ChunkIndex _index;

    /// <summary>Held while the index moves between memory and file, or is made anew.</summary>
    private readonly SemaphoreSlim _maintenance = new(1);

    /// <summary>Chunks that are being written, and delete marks; each leaves when it has its outcome.</summary>
    private readonly Dictionary<ulong, LogEntry> _appending = [];
    private readonly Dictionary<ulong, LogEntry> _deleting = [];
    private readonly long _bytesAtOpen;
    private VolumeEpoch _epoch;
    private bool _isFailed;
    private bool _isRefusing;

    /// <summary>Whether the index was made from the log by this process, not believed from a file.</summary>
    private bool _isIndexProven;

    /// <summary>Up to where the index file holds; null when there is none.</summary>
    private LogPosition? _indexed;

    /// <summary>The writing of the index of an open volume, when one is under way.</summary>
    private Task _checkpoint = Task.CompletedTask;

    /// <summary>The place in the log at which the next one begins.</summary>
    private long _checkpointAt;
    private bool _isClosed;

    private Volume(VolumeContext context, VolumeId id, IDiskFile file, OpenedLog log)
    {
        _context = context;
        _log = new LogFile(file, log.Seed, log.Salt);
        _bytesAtOpen = log.Contents.Position.End;
        _isFailed = log.Contents.Damage is not null;
        _epoch = log.Contents.Epoch ?? new VolumeEpoch(0, ReplicaState.Failed, []);
        _index = log.Index;
        _indexed = log.Indexed;
        _checkpointAt = (log.Indexed?.End ?? 0) + context.Options.IndexCheckpointBytes;
        _isIndexProven = log.Indexed is null;
        Id = id;
        if (!_isFailed)
        {
            _writer = new LogWriter(file, log.Seed, log.Contents.Position, context.Shared, OnDurable, OnFailed)
            {
                PreparesAhead = _epoch.State == ReplicaState.Open,
            };
        }
    }

    public VolumeId Id { get; }

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
        StoreAsync(request, _ => CheckAppendNeedsLock(request), buffer, cancellationToken);

    /// <summary>Adds a peer's chunk to a fenced or sealed volume; owns the buffer.</summary>
    public ValueTask<ChunkStatus> AdoptAsync(
        ChunkAppend request, ChunkBuffer buffer, CancellationToken cancellationToken) =>
        StoreAsync(request, known => CheckAdoptNeedsLock(request, known), buffer, cancellationToken);

    /// <summary>Marks chunks deleted.</summary>
    public async ValueTask<ChunkStatus> DeleteAsync(ImmutableArray<ChunkKey> keys)
    {
        Task<ChunkStatus>[]? marks;
        do
        {
            (IndexFile? file, IndexEntry?[] known) = await LookAsync(keys);
            marks = Mark(keys, file, known);
        }
        while (marks is null);

        ChunkStatus[] outcomes = await Task.WhenAll(marks);
        if (outcomes.Length > 0)
        {
            await TidyIndexAsync();
        }

        return outcomes.FirstOrDefault(outcome => outcome != ChunkStatus.Ok);
    }

    /// <summary>Waits for what is under way, gives prepared space back and closes the log.</summary>
    /// <returns>Whether the log is whole: false when it was damaged, or the disk failed.</returns>
    public async ValueTask<bool> CloseAsync()
    {
        await PinAsync();
        bool isWhole = _writer is not null && await _writer.CloseAsync();
        await _checkpoint;
        await CloseIndexAsync(isWhole);
        await _log.File.DisposeAsync(); // also under leases: reading ends with the store
        return isWhole;
    }

    private async ValueTask<ChunkStatus> StoreAsync(
        ChunkAppend request,
        Func<IndexEntry?, ChunkStatus> checkNeedsLock,
        ChunkBuffer buffer,
        CancellationToken cancellationToken)
    {
        Task<ChunkStatus>? written = null;
        try
        {
            uint[] blocks = buffer.Checksums.IsWhole ? buffer.Checksums.ToArray() : BlockChecksums.Compute(buffer.Payload.Span);
            if (BlockChecksums.Combine(blocks, request.Length) != request.Crc32C && !Canary.SkipChecksum)
            {
                return ChunkStatus.Damaged;
            }

            Task<ChunkStatus>? outcome = null;
            while (outcome is null)
            {
                (IndexFile? file, IndexEntry? known) = await LookAsync(request.Key.Value);
                lock (_lock)
                {
                    if (_index.File != file || _held is not null)
                    {
                        continue; // the index or the log is being exchanged: what was found may be old
                    }

                    ChunkStatus status = checkNeedsLock(known);
                    if (status != ChunkStatus.Ok || IsKnownNeedsLock(request.Key.Value, known))
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
            }

            ChunkStatus flushed = await outcome.WaitAsync(cancellationToken);
            lock (_lock)
            {
                // A fence that came meanwhile wins: the chunk is here, but this writer is not told so.
                return flushed == ChunkStatus.Ok && _epoch.Epoch != request.Epoch && !Canary.IgnoreEpoch
                    ? ChunkStatus.WrongEpoch
                    : flushed;
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
        return CompareNeedsLock(request, null) ?? (isFull ? ChunkStatus.VolumeFull : ChunkStatus.Ok);
    }

    private ChunkStatus CheckAdoptNeedsLock(in ChunkAppend request, in IndexEntry? inFile)
    {
        ChunkStatus status = CheckEpochNeedsLock(request);
        if (status != ChunkStatus.Ok)
        {
            return status;
        }

        return _epoch.State is ReplicaState.Fenced or ReplicaState.Sealed
            ? CompareNeedsLock(request, inFile) ?? ChunkStatus.Ok
            : ChunkStatus.NotOpen;
    }

    private ChunkStatus CheckEpochNeedsLock(in ChunkAppend request)
    {
        if (_isFailed)
        {
            return ChunkStatus.DiskFailed;
        }

        return Canary.IgnoreEpoch
            || (request.Epoch == _epoch.Epoch && VolumeRules.AreSame(_epoch.Members, request.Members))
            ? ChunkStatus.Ok
            : ChunkStatus.WrongEpoch;
    }

    /// <summary>What the key's history says; null when the key is new here.</summary>
    private ChunkStatus? CompareNeedsLock(in ChunkAppend request, in IndexEntry? inFile)
    {
        IndexEntry? known = _index.TryGet(request.Key.Value, out IndexEntry found) ? found : inFile;
        if (_deleting.ContainsKey(request.Key.Value) || known is { IsDeleted: true })
        {
            return ChunkStatus.ChunkDeleted;
        }

        (int Length, uint Crc32C)? same = known is { } indexed ? (indexed.Length, indexed.Crc32C)
            : _appending.TryGetValue(request.Key.Value, out LogEntry? entry) ? (entry.Length, entry.Crc32C)
            : null;
        if (same is null)
        {
            return null;
        }

        return same == (request.Length, request.Crc32C) ? ChunkStatus.Ok : ChunkStatus.ChunkDiffers;
    }

    private bool IsKnownNeedsLock(ulong key, in IndexEntry? inFile) => inFile is not null || _index.TryGet(key, out _);

    private void OnDurable(LogEntry entry)
    {
        lock (_lock)
        {
            switch (entry.Kind)
            {
                case RecordKind.Chunk:
                    _index.Add(IndexEntry.Chunk(entry.Key, entry.PayloadOffset, entry.Length, entry.Crc32C), null);
                    break;
                case RecordKind.Delete:
                    _index.Add(IndexEntry.Mark(entry.Key), entry.Known);
                    break;
                default:
                    _epoch = entry.Epoch!;
                    _isRefusing = false;
                    _writer!.PreparesAhead = _epoch.State == ReplicaState.Open;
                    break;
            }

            CheckpointNeedsLock(entry);
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

    /// <summary>
    /// Queues the delete marks that are missing; null when the index has another file than the one looked in, or writes wait.
    /// </summary>
    private Task<ChunkStatus>[]? Mark(ImmutableArray<ChunkKey> keys, IndexFile? file, IndexEntry?[] known)
    {
        var marks = new List<Task<ChunkStatus>>(keys.Length);
        lock (_lock)
        {
            if (_isFailed)
            {
                return [Task.FromResult(ChunkStatus.DiskFailed)];
            }

            if (_index.File != file || _held is not null)
            {
                return null;
            }

            for (int i = 0; i < keys.Length; i++)
            {
                ulong key = keys[i].Value;
                if (_deleting.TryGetValue(key, out LogEntry? other))
                {
                    marks.Add(other.Outcome);
                }
                else if ((_index.TryGet(key, out IndexEntry found) ? found : known[i]) is not { IsDeleted: true })
                {
                    marks.Add(WriteNeedsLock(LogEntry.Delete(key, known[i]), _deleting));
                }
            }
        }

        return [.. marks];
    }
}

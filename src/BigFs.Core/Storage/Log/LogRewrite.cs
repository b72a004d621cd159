using BigFs.Core.Chunking;
using BigFs.Core.Faults;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>
/// Writes a log anew beside the old one, under a temporary name: live chunks, read from the old log and verified, and bare
/// delete marks. Nothing of it counts before it is renamed.
/// </summary>
internal sealed class LogRewrite : IAsyncDisposable
{
    private const long GroupLength = 1 << 20;
    private const int GroupRecords = LogFormat.MaxRecords;

    private readonly VolumeContext _context;
    private readonly LogFile _source;
    private readonly CompactionPace _pace;
    private readonly ChunkBufferPool _buffers = new(2L * ChunkBuffer.CapacityFor(Limits.MaxChunkSize));
    private readonly List<LogEntry> _group = [];
    private long _groupLength;
    private long _end = LogFormat.PageSize;
    private long _lastBatch;
    private long _sequence;
    private long _durable = LogFormat.PageSize;

    private LogRewrite(VolumeContext context, LogFile source, LogFile target, CompactionPace pace)
    {
        _context = context;
        _source = source;
        _pace = pace;
        Target = target;
    }

    /// <summary>The new log. Its hold is the caller's once the rewrite has succeeded.</summary>
    public LogFile Target { get; }

    /// <summary>The new log's chunks and marks, as far as they are written.</summary>
    public ChunkIndex Index { get; } = new();

    /// <summary>Creates the file with its superblock.</summary>
    public static async ValueTask<LogRewrite> CreateAsync(
        VolumeContext context, VolumeId id, LogFile source, Guid salt, CompactionPace pace)
    {
        IDiskFile file = await context.Disk.CreateFileAsync(context.TemporaryPathOf(id));
        var rewrite = new LogRewrite(context, source, new LogFile(file, LogFormat.HeaderSeed(salt), salt), pace);
        try
        {
            using ChunkBuffer page = await rewrite._buffers.RentAsync(0, CancellationToken.None);
            LogFormat.WriteSuperblock(
                page.GetSpan(), new Superblock(id, context.Node, salt, context.Time.GetUtcNow()));
            await file.WriteAsync(0, page.Memory[..LogFormat.PageSize]);
            return rewrite;
        }
        catch
        {
            await file.DisposeAsync();
            await rewrite.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds a chunk of the old log or a delete mark; false when the chunk's bytes are damaged there.</summary>
    public async ValueTask<bool> AddAsync(IndexEntry entry, CancellationToken cancellationToken)
    {
        if (entry.IsDeleted)
        {
            await AddAsync(LogEntry.Delete(entry.Key, null), cancellationToken);
            return true;
        }

        ChunkBuffer buffer = await _buffers.RentAsync(entry.Length, cancellationToken);
        try
        {
            int count = await _source.File.ReadAsync(entry.Offset, buffer.Payload);
            uint[] blocks = BlockChecksums.Compute(buffer.Payload.Span);
            if (count < entry.Length || BlockChecksums.Combine(blocks, entry.Length) != entry.Crc32C)
            {
                buffer.Dispose();
                return false;
            }

            await AddAsync(LogEntry.Chunk(entry.Key, entry.Crc32C, blocks, buffer), cancellationToken);
            return true;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>Ends the log with the volume's epoch, behind everything else flushed, so that it names all as durable.</summary>
    public async ValueTask<LogPosition> EndAsync(VolumeEpoch epoch)
    {
        await FlushAsync(CancellationToken.None);
        CrashPoint.Reach("compaction.before-sync");
        await Target.File.SyncAsync();
        _durable = _end;
        await AddAsync(LogEntry.Mark(epoch.Epoch, epoch.State, epoch.Members), CancellationToken.None);
        await FlushAsync(CancellationToken.None);
        await Target.File.SyncAsync();
        return new LogPosition(_end, _lastBatch, _sequence, 1, true);
    }

    /// <summary>Gives the memory back; the file is the caller's business.</summary>
    public ValueTask DisposeAsync()
    {
        _group.ForEach(entry => entry.Complete(ChunkStatus.Busy));
        _buffers.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask AddAsync(LogEntry entry, CancellationToken cancellationToken)
    {
        _group.Add(entry);
        _groupLength += LogFormat.FootprintOf(entry.Length);
        if (_groupLength >= GroupLength || _group.Count == GroupRecords)
        {
            await FlushAsync(cancellationToken);
        }
    }

    private async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        foreach (LogBatch batch in LogBatch.Plan(_group))
        {
            var header = new BatchHeader(1, ++_sequence, _durable, _end, batch.Length, batch.Entries.Count);
            if (batch.IsLarge)
            {
                await Target.File.WriteAsync(_end, batch.Assemble(header, Target.Seed, batch.Entries[0].Buffer!));
            }
            else
            {
                using ChunkBuffer gathered = await _context.Shared.Gather.RentAsync(batch.Length, cancellationToken);
                await Target.File.WriteAsync(_end, batch.Assemble(header, Target.Seed, gathered));
            }

            (_lastBatch, _end) = (_end, _end + batch.Length);
            CrashPoint.Reach("compaction.between-batches");
            await _pace.WaitAsync(batch.Length, cancellationToken);
        }

        foreach (LogEntry entry in _group)
        {
            if (entry.Kind != RecordKind.Epoch)
            {
                Index.Add(
                    entry.Kind == RecordKind.Delete
                        ? IndexEntry.Mark(entry.Key)
                        : IndexEntry.Chunk(entry.Key, entry.PayloadOffset, entry.Length, entry.Crc32C),
                    null);
            }

            entry.Complete(ChunkStatus.Ok);
        }

        _group.Clear();
        _groupLength = 0;
    }
}

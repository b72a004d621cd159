using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>A record found in a log.</summary>
/// <param name="Header">Its head.</param>
/// <param name="PayloadOffset">Where its payload stands in the file.</param>
/// <param name="Epoch">What an epoch record says; null for the other kinds.</param>
internal readonly record struct FoundRecord(RecordHeader Header, long PayloadOffset, VolumeEpoch? Epoch);

/// <summary>A place in a log between two batches.</summary>
/// <param name="End">The place: where the next batch begins.</param>
/// <param name="LastBatch">Where the batch before it begins; 0 at the beginning of the log.</param>
/// <param name="Sequence">That batch's sequence, 0 at the beginning.</param>
/// <param name="Incarnation">That batch's incarnation, 0 at the beginning.</param>
/// <param name="IsPinned">Whether a header before the place names every chunk and delete mark before it as durable.</param>
internal readonly record struct LogPosition(
    long End, long LastBatch, long Sequence, long Incarnation, bool IsPinned)
{
    /// <summary>Behind the superblock.</summary>
    public static LogPosition Start { get; } = new(LogFormat.PageSize, 0, 0, 0, true);
}

/// <summary>What a scan found.</summary>
/// <param name="Position">The log's end: where the next batch goes; what lies behind was never acknowledged.</param>
/// <param name="Epoch">The last epoch record; null when none was found.</param>
/// <param name="Length">The file's length.</param>
/// <param name="Damage">What is damaged before the durable offset, as a sentence; null when nothing is.</param>
internal sealed record LogContents(LogPosition Position, VolumeEpoch? Epoch, long Length, string? Damage);

/// <summary>
/// Reads a log from a place to its end. Batches before the highest durable offset that any header names were
/// acknowledged: what is bad there is damage, and the scan goes on behind it. The first bad batch beyond is where the log
/// ends: a write that a crash cut short, or prepared space. Memory does not grow with the log.
/// </summary>
internal sealed class LogScan
{
    /// <summary>What is read at once where batches are long: their heads.</summary>
    private const int HeadWindow = 64 << 10;

    /// <summary>What is read at once where batches are short, or sought: everything.</summary>
    private const int FullWindow = 1 << 20;
    private const int VerifyLength = 1 << 20;

    private readonly IDiskFile _file;
    private readonly uint _seed;
    private readonly Action<FoundRecord> _found;

    /// <summary>Batches and gaps behind the highest durable offset named so far.</summary>
    private readonly Queue<Batch> _pending = new();
    private readonly List<long> _gaps = [];
    private long _durable;
    private string? _gapDamage;
    private string? _recordDamage;
    private VolumeEpoch? _epoch;
    private LogPosition _position;
    private byte[] _window = [];
    private long _windowAt = -1;
    private int _windowLength;
    private int _windowWanted = FullWindow;

    private LogScan(IDiskFile file, uint seed, LogPosition from, long durable, Action<FoundRecord> found)
    {
        _file = file;
        _seed = seed;
        _position = from;
        _durable = durable;
        _found = found;
    }

    /// <summary>Scans the file.</summary>
    /// <param name="file">The log.</param>
    /// <param name="seed">Where its header checksums begin.</param>
    /// <param name="from">Where to begin.</param>
    /// <param name="durable">Up to where the log is known to have been flushed, whatever its headers say.</param>
    /// <param name="length">Up to where to read; null: the whole file.</param>
    /// <param name="found">Takes the readable chunks and delete marks, in the order of the log.</param>
    public static async ValueTask<LogContents> RunAsync(
        IDiskFile file, uint seed, LogPosition from, long durable, long? length, Action<FoundRecord> found)
    {
        var scan = new LogScan(file, seed, from, durable, found);
        long end = length ?? await file.GetLengthAsync();
        await scan.FindBatchesAsync(end);
        return await scan.EndAsync(end);
    }

    /// <summary>Whether the batch that the position names stands before it in the file.</summary>
    public static async ValueTask<bool> HasAsync(IDiskFile file, uint seed, LogPosition position)
    {
        var bytes = new byte[LogFormat.HeaderLength];
        return await file.ReadAsync(position.LastBatch, bytes) == bytes.Length
            && LogFormat.TryReadBatch(bytes, seed, position.LastBatch, out BatchHeader header)
            && header.Sequence == position.Sequence
            && header.Incarnation == position.Incarnation
            && header.Offset + header.Length == position.End;
    }

    private async ValueTask FindBatchesAsync(long length)
    {
        long at = _position.End;
        (long sequence, long incarnation) = (_position.Sequence, _position.Incarnation);
        bool inGap = false;
        while (at < length)
        {
            ReadOnlyMemory<byte> head = await LookAsync(at, LogFormat.HeaderLength);
            bool found = LogFormat.TryReadBatch(head.Span, _seed, at, out BatchHeader header)
                && header.Sequence > sequence
                && header.Incarnation >= incarnation
                && at + header.Length <= length;
            if (!inGap && (!found || header.Sequence != sequence + 1))
            {
                _gaps.Add(at);
            }

            inGap = !found;
            if (found)
            {
                _pending.Enqueue(new Batch(header, await ReadRecordsAsync(header)));
                (sequence, incarnation) = (header.Sequence, header.Incarnation);
                _durable = Math.Max(_durable, header.Durable);
                Settle();
            }

            _windowWanted = found && header.Length > 2 * HeadWindow ? HeadWindow : FullWindow;
            at += found ? header.Length : LogFormat.PageSize;
        }
    }

    /// <summary>Hands over what stands before the durable offset.</summary>
    private void Settle()
    {
        int bad = _gaps.FindIndex(gap => gap < _durable);
        if (bad >= 0)
        {
            _gapDamage ??= $"no batch at {_gaps[bad]}";
            _gaps.RemoveAll(gap => gap < _durable);
        }

        while (_pending.TryPeek(out Batch? batch) && batch.Header.Offset < _durable)
        {
            Take(_pending.Dequeue(), isNamed: true);
        }
    }

    private async ValueTask<LogContents> EndAsync(long length)
    {
        Settle();
        long end = Math.Min(length, _gaps.DefaultIfEmpty(length).Min());
        while (_pending.TryDequeue(out Batch? batch))
        {
            long offset = batch.Header.Offset;
            if (offset >= end || !await IsWholeAsync(batch))
            {
                end = Math.Min(end, offset);
                break;
            }

            Take(batch, isNamed: false);
        }

        if (length < _durable)
        {
            _gapDamage ??= $"it ends at {length}, though {_durable} bytes were flushed";
        }

        return new LogContents(_position with { End = end }, _epoch, length, _gapDamage ?? _recordDamage);
    }

    private void Take(Batch batch, bool isNamed)
    {
        bool isPinned = _position.IsPinned || batch.Header.Durable >= _position.End;
        for (int i = 0; i < batch.Records.Length; i++)
        {
            if (batch.Records[i] is not { } record)
            {
                _recordDamage ??= $"bad record in the batch at {batch.Header.Offset}";
            }
            else if (record.Epoch is { } epoch)
            {
                _epoch = epoch;
            }
            else
            {
                isPinned &= isNamed;
                _found(record);
            }
        }

        BatchHeader header = batch.Header;
        _position = new LogPosition(
            header.Offset + header.Length, header.Offset, header.Sequence, header.Incarnation, isPinned);
    }

    private async ValueTask<FoundRecord?[]> ReadRecordsAsync(BatchHeader batch)
    {
        var records = new FoundRecord?[batch.Records];
        var heads = new RecordHeader?[batch.Records];
        ReadOnlyMemory<byte> bytes = await LookAsync(batch.Offset, (batch.Records + 1) * LogFormat.HeaderLength);
        for (int i = 0; i < heads.Length; i++)
        {
            int at = (i + 1) * LogFormat.HeaderLength;
            heads[i] = bytes.Length >= at + LogFormat.HeaderLength
                && LogFormat.TryReadRecord(bytes.Span[at..], _seed, batch, i, out RecordHeader record)
                ? record
                : null;
        }

        for (int i = 0; i < heads.Length; i++)
        {
            records[i] = heads[i] is { } head ? await FindAsync(batch, head) : null;
        }

        return records;
    }

    private async ValueTask<FoundRecord?> FindAsync(BatchHeader batch, RecordHeader record)
    {
        long payload = batch.Offset + record.PayloadAt;
        if (record.Kind != RecordKind.Epoch)
        {
            return new FoundRecord(record, payload, null);
        }

        ReadOnlyMemory<byte> body = await LookAsync(payload, Math.Min(record.Length, HeadWindow));
        VolumeEpoch? epoch = body.Length == record.Length && Crc32C.Compute(body.Span) == record.Crc32C
            ? LogFormat.ReadEpoch((long)record.Key, body.Span)
            : null;
        return epoch is null ? null : new FoundRecord(record, payload, epoch);
    }

    /// <summary>Whether every byte of the batch that matters reached the disk.</summary>
    private async ValueTask<bool> IsWholeAsync(Batch batch)
    {
        foreach (FoundRecord? record in batch.Records)
        {
            if (record is not { } known || !await IsPayloadWholeAsync(batch.Header, known.Header))
            {
                return false;
            }
        }

        return true;
    }

    private async ValueTask<bool> IsPayloadWholeAsync(BatchHeader batch, RecordHeader record)
    {
        long payload = batch.Offset + record.PayloadAt;
        var buffer = new byte[Math.Min(record.Length, VerifyLength)];
        uint crc = 0;
        var blocks = new List<uint>();
        for (int done = 0; done < record.Length;)
        {
            Memory<byte> piece = buffer.AsMemory(0, Math.Min(record.Length - done, buffer.Length));
            if (await _file.ReadAsync(payload + done, piece) < piece.Length)
            {
                return false;
            }

            crc = Crc32C.Append(crc, piece.Span);
            blocks.AddRange(BlockChecksums.Compute(piece.Span));
            done += piece.Length;
        }

        if (crc != record.Crc32C)
        {
            return false;
        }

        if (record.Kind != RecordKind.Chunk)
        {
            return true;
        }

        var trailer = new byte[LogFormat.TrailerLength(record.Length)];
        return await _file.ReadAsync(LogFormat.TrailerOffset(payload, record.Length), trailer) == trailer.Length
            && LogFormat.ReadTrailer(trailer).AsSpan().SequenceEqual(blocks.ToArray());
    }

    /// <summary>Bytes of the file from a window that moves forward; shorter than asked for at the file's end.</summary>
    private async ValueTask<ReadOnlyMemory<byte>> LookAsync(long position, int length)
    {
        if (position < _windowAt || position + length > _windowAt + _windowLength)
        {
            int wanted = Math.Max(_windowWanted, length);
            _window = _window.Length < wanted ? new byte[wanted] : _window;
            _windowAt = position;
            _windowLength = await _file.ReadAsync(position, _window.AsMemory(0, wanted));
        }

        int start = (int)(position - _windowAt);
        return _window.AsMemory(start, Math.Clamp(_windowLength - start, 0, length));
    }

    /// <param name="Header">The batch.</param>
    /// <param name="Records">Its records; null where the head is bad.</param>
    private sealed record Batch(BatchHeader Header, FoundRecord?[] Records);
}

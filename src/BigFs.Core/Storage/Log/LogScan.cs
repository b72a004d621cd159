using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>A record found in a log.</summary>
/// <param name="Header">Its head.</param>
/// <param name="PayloadOffset">Where its payload stands in the file.</param>
/// <param name="Epoch">What an epoch record says; null for the other kinds.</param>
internal readonly record struct FoundRecord(RecordHeader Header, long PayloadOffset, VolumeEpoch? Epoch);

/// <summary>What a log holds.</summary>
/// <param name="Records">The readable records, in the order of the log.</param>
/// <param name="End">Where the next batch goes; what lies behind was never acknowledged.</param>
/// <param name="Sequence">The last batch's sequence, 0 when there is none.</param>
/// <param name="Incarnation">The last batch's incarnation, 0 when there is none.</param>
/// <param name="Length">The file's length.</param>
/// <param name="IsPinned">Whether a header names every chunk and delete mark as durable.</param>
/// <param name="Damage">What is damaged before the durable offset, as a sentence; null when nothing is.</param>
internal sealed record LogContents(
    IReadOnlyList<FoundRecord> Records,
    long End,
    long Sequence,
    long Incarnation,
    long Length,
    bool IsPinned,
    string? Damage);

/// <summary>
/// Reads a log from its first batch to its end. Batches before the highest durable offset that any header names were
/// acknowledged: what is bad there is damage, and the scan goes on behind it. The first bad batch beyond is where the log
/// ends: a write that a crash cut short, or prepared space.
/// </summary>
internal sealed class LogScan
{
    private const int WindowLength = 64 << 10;
    private const int VerifyLength = 1 << 20;

    private readonly IDiskFile _file;
    private readonly uint _seed;
    private readonly List<Batch> _batches = [];
    private readonly List<long> _gaps = [];
    private readonly byte[] _window = new byte[WindowLength];
    private long _windowAt = -1;
    private int _windowLength;

    private LogScan(IDiskFile file, uint seed)
    {
        _file = file;
        _seed = seed;
    }

    /// <summary>Scans the file.</summary>
    /// <param name="file">The log.</param>
    /// <param name="seed">Where its header checksums begin.</param>
    public static async ValueTask<LogContents> RunAsync(IDiskFile file, uint seed)
    {
        var scan = new LogScan(file, seed);
        long length = await file.GetLengthAsync();
        await scan.FindBatchesAsync(length);
        long named = scan._batches.Select(batch => batch.Header.Durable).DefaultIfEmpty(LogFormat.PageSize).Max();
        return await scan.ReadAsync(length, named);
    }

    private async ValueTask FindBatchesAsync(long length)
    {
        long position = LogFormat.PageSize;
        BatchHeader last = default;
        bool inGap = false;
        while (position < length)
        {
            ReadOnlyMemory<byte> page = await LookAsync(position, LogFormat.HeaderLength);
            bool found = LogFormat.TryReadBatch(page.Span, _seed, position, out BatchHeader header)
                && header.Sequence > last.Sequence
                && header.Incarnation >= last.Incarnation
                && position + header.Length <= length;
            if (!inGap && (!found || header.Sequence != last.Sequence + 1))
            {
                _gaps.Add(position);
            }

            inGap = !found;
            if (found)
            {
                _batches.Add(new Batch(header, await ReadHeadersAsync(header)));
                last = header;
            }

            position += found ? header.Length : LogFormat.PageSize;
        }
    }

    private async ValueTask<RecordHeader?[]> ReadHeadersAsync(BatchHeader batch)
    {
        ReadOnlyMemory<byte> heads = await LookAsync(batch.Offset, (batch.Records + 1) * LogFormat.HeaderLength);
        var records = new RecordHeader?[batch.Records];
        for (int i = 0; i < records.Length; i++)
        {
            int at = (i + 1) * LogFormat.HeaderLength;
            records[i] = heads.Length >= at + LogFormat.HeaderLength
                && LogFormat.TryReadRecord(heads.Span[at..], _seed, batch, i, out RecordHeader record)
                ? record
                : null;
        }

        return records;
    }

    private async ValueTask<LogContents> ReadAsync(long length, long durable)
    {
        string? damage = _gaps.Where(gap => gap < durable).Select(gap => $"no batch at {gap}").FirstOrDefault();
        long end = _gaps.Where(gap => gap >= durable).DefaultIfEmpty(length).Min();
        var records = new List<FoundRecord>();
        BatchHeader last = default;
        bool isPinned = true;
        foreach (Batch batch in _batches)
        {
            long offset = batch.Header.Offset;
            if (offset >= end || (offset >= durable && !await IsWholeAsync(batch)))
            {
                end = Math.Min(end, offset);
                break;
            }

            last = batch.Header;
            foreach (RecordHeader? record in batch.Records)
            {
                FoundRecord? found = record is { } known ? await FindAsync(batch.Header, known) : null;
                if (found is { } readable)
                {
                    isPinned &= offset < durable || readable.Epoch is not null;
                    records.Add(readable);
                }
                else
                {
                    damage ??= $"bad record in the batch at {offset}";
                }
            }
        }

        damage ??= records.Any(record => record.Epoch is not null) ? null : "no epoch record";
        return new LogContents(records, end, last.Sequence, last.Incarnation, length, isPinned, damage);
    }

    private async ValueTask<FoundRecord?> FindAsync(BatchHeader batch, RecordHeader record)
    {
        long payload = batch.Offset + record.PayloadAt;
        if (record.Kind != RecordKind.Epoch)
        {
            return new FoundRecord(record, payload, null);
        }

        ReadOnlyMemory<byte> body = await LookAsync(payload, Math.Min(record.Length, WindowLength));
        VolumeEpoch? epoch = body.Length == record.Length && Crc32C.Compute(body.Span) == record.Crc32C
            ? LogFormat.ReadEpoch((long)record.Key, body.Span)
            : null;
        return epoch is null ? null : new FoundRecord(record, payload, epoch);
    }

    /// <summary>Whether every byte of the batch that matters reached the disk.</summary>
    private async ValueTask<bool> IsWholeAsync(Batch batch)
    {
        foreach (RecordHeader? record in batch.Records)
        {
            if (record is not { } known || !await IsPayloadWholeAsync(batch.Header, known))
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
            _windowAt = position;
            _windowLength = await _file.ReadAsync(position, _window);
        }

        int start = (int)(position - _windowAt);
        return _window.AsMemory(start, Math.Clamp(_windowLength - start, 0, length));
    }

    /// <param name="Header">The batch.</param>
    /// <param name="Records">Its records; null where the head is bad.</param>
    private sealed record Batch(BatchHeader Header, RecordHeader?[] Records);
}

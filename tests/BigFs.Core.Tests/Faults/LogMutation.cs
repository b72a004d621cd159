using BigFs.Core.Chunking;
using BigFs.Core.Storage;

namespace BigFs.Core.Tests.Faults;

/// <summary>Changes fields of a log's headers and mends their checksums, so that what is behind the checksums is reached.</summary>
internal static class LogMutation
{
    private const int SaltAt = 40;

    public static byte[] Change(byte[] image, Random random)
    {
        int pages = image.Length / LogFormat.PageSize;
        if (pages < 2)
        {
            return image;
        }

        uint seed = LogFormat.HeaderSeed(new Guid(image.AsSpan(SaltAt, 16), bigEndian: true));
        int offset = random.Next(1, pages) * LogFormat.PageSize;
        Span<byte> batch = image.AsSpan(offset);
        if (!LogFormat.TryReadBatch(batch, seed, offset, out BatchHeader header))
        {
            return MovePage(image, offset, random);
        }

        if (random.Next(2) == 0)
        {
            LogFormat.WriteBatch(batch, seed, Change(header, random));
            return image;
        }

        int index = random.Next(header.Records);
        Span<byte> head = batch[Math.Min(batch.Length, (index + 1) * LogFormat.HeaderLength)..];
        if (LogFormat.TryReadRecord(head, seed, header, index, out RecordHeader record))
        {
            LogFormat.WriteRecord(head, seed, Change(record, image.AsSpan(offset), random));
        }

        return image;
    }

    private static BatchHeader Change(BatchHeader header, Random random) => random.Next(6) switch
    {
        0 => header with { Sequence = header.Sequence + random.Next(-2, 3) },
        1 => header with { Incarnation = header.Incarnation + random.Next(-2, 3) },
        2 => header with { Durable = random.NextInt64(-4096, header.Offset + 4097) },
        3 => header with { Length = random.Next(0, 40) * LogFormat.PageSize },
        4 => header with { Records = random.Next(0, LogFormat.MaxRecords + 2) },
        _ => header with { Length = LogFormat.MaxBatchLength + random.Next(-1, 2) },
    };

    private static RecordHeader Change(RecordHeader header, Span<byte> batch, Random random)
    {
        RecordHeader changed = random.Next(6) switch
        {
            0 => header with { Kind = (RecordKind)random.Next(0, 5) },
            1 => header with { Key = (ulong)random.NextInt64() },
            2 => header with { Length = random.Next(-1, 70_000) },
            3 => header with { PayloadAt = random.Next(-1, 20_000) },
            4 => header with { Sequence = header.Sequence + random.Next(-1, 2) },
            _ => header with { Crc32C = (uint)random.NextInt64() },
        };
        bool isInside = changed.PayloadAt >= 0 && changed.Length >= 0 && (long)changed.PayloadAt + changed.Length <= batch.Length;
        return isInside && random.Next(2) == 0
            ? changed with { Crc32C = Crc32C.Compute(batch.Slice(changed.PayloadAt, changed.Length)) }
            : changed;
    }

    private static byte[] MovePage(byte[] image, int to, Random random)
    {
        int from = random.Next(image.Length / LogFormat.PageSize) * LogFormat.PageSize;
        image.AsSpan(from, LogFormat.PageSize).CopyTo(image.AsSpan(to));
        return image;
    }
}

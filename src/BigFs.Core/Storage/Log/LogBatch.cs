namespace BigFs.Core.Storage;

/// <summary>Entries that are written together: one large chunk, or as many small records as fit.</summary>
internal sealed class LogBatch
{
    private readonly List<LogEntry> _entries = [];
    private int _bodies;

    /// <summary>The entries, in the order of their records.</summary>
    public IReadOnlyList<LogEntry> Entries => _entries;

    /// <summary>Bytes of the batch, whole pages.</summary>
    public int Length => LogFormat.Align(BodiesAt(_entries.Count) + _bodies, LogFormat.PageSize);

    /// <summary>Whether this is one large chunk, written from its own buffer.</summary>
    public bool IsLarge => _entries.Count > 0 && _entries[0].IsLarge;

    /// <summary>Distributes entries over batches: large chunks each alone, the small records gathered.</summary>
    public static List<LogBatch> Plan(IReadOnlyList<LogEntry> entries)
    {
        var batches = new List<LogBatch>();
        LogBatch? gathered = null;
        foreach (LogEntry entry in entries)
        {
            if (entry.IsLarge || gathered is null || !gathered.HasRoom(entry))
            {
                var batch = new LogBatch();
                batches.Add(batch);
                batch.Add(entry);
                gathered = entry.IsLarge ? gathered : batch;
            }
            else
            {
                gathered.Add(entry);
            }
        }

        return batches;
    }

    /// <summary>
    /// Puts the batch's bytes together and tells the entries their places. A large chunk's are put around its payload,
    /// where it was received; small ones are copied.
    /// </summary>
    /// <param name="header">The batch's head; its length and number of records are those of this batch.</param>
    /// <param name="seed">Where header checksums begin.</param>
    /// <param name="target">The large chunk's own buffer, or one for a gathered batch.</param>
    /// <returns>The bytes to write.</returns>
    public ReadOnlyMemory<byte> Assemble(in BatchHeader header, uint seed, ChunkBuffer target)
    {
        Span<byte> bytes = target.GetSpan();
        int at = BodiesAt(_entries.Count);
        bytes[..at].Clear();
        LogFormat.WriteBatch(bytes, seed, header);
        for (int i = 0; i < _entries.Count; i++)
        {
            LogEntry entry = _entries[i];
            var record = new RecordHeader(
                entry.Kind, entry.Key, entry.Length, entry.Crc32C, at, i, header.Sequence);
            LogFormat.WriteRecord(bytes[((i + 1) * LogFormat.HeaderLength)..], seed, record);
            entry.PayloadOffset = header.Offset + at;
            if (!IsLarge)
            {
                entry.Payload.Span.CopyTo(bytes[at..]);
            }

            int end = at + LogFormat.BodyLength(entry.Kind, entry.Length);
            bytes[(at + entry.Length)..end].Clear();
            LogFormat.WriteTrailer(bytes[(int)LogFormat.TrailerOffset(at, entry.Length)..], entry.Blocks);
            at = end;
        }

        bytes[at..Length].Clear();
        return target.Memory[..Length];
    }

    private bool HasRoom(LogEntry entry) =>
        _entries.Count < LogFormat.MaxRecords
        && BodiesAt(_entries.Count + 1) + _bodies + LogFormat.BodyLength(entry.Kind, entry.Length)
            <= LogFormat.MaxGatheredLength;

    private void Add(LogEntry entry)
    {
        _entries.Add(entry);
        _bodies += LogFormat.BodyLength(entry.Kind, entry.Length);
    }

    /// <summary>Bodies follow the headers; a large chunk's payload begins on a page, where its buffer has it.</summary>
    private int BodiesAt(int records) =>
        IsLarge ? ChunkBuffer.HeadLength : (records + 1) * LogFormat.HeaderLength;
}

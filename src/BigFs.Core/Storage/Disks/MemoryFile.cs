namespace BigFs.Core.Storage;

/// <summary>
/// Content of a file in memory, in segments; untouched ones take no memory and read as zeros. For each page that was
/// written since the last sync it keeps what the disk would still hold. Thread-safe.
/// </summary>
internal sealed class MemoryFile
{
    private const int SegmentSize = 256 << 10;
    private const int PageSize = 4096;
    private const int SectorSize = 512;

    private readonly Lock _lock = new();
    private readonly Dictionary<long, byte[]> _segments = [];

    /// <summary>Pages as they were at the last sync, where they were written since; null stands for zeros.</summary>
    private readonly SortedDictionary<long, byte[]?> _unsynced = [];
    private long _length;
    private long _syncedLength;

    public long Length => Interlocked.Read(ref _length);

    public int Read(long offset, Span<byte> destination)
    {
        lock (_lock)
        {
            int count = (int)Math.Clamp(_length - offset, 0, destination.Length);
            int done = 0;
            while (done < count)
            {
                (long segment, int within) = Locate(offset + done);
                int piece = Math.Min(count - done, SegmentSize - within);
                Span<byte> target = destination.Slice(done, piece);
                if (_segments.TryGetValue(segment, out byte[]? bytes))
                {
                    bytes.AsSpan(within, piece).CopyTo(target);
                }
                else
                {
                    target.Clear();
                }

                done += piece;
            }

            return count;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            for (long page = offset / PageSize; page * PageSize < offset + bytes.Length; page++)
            {
                RememberNeedsLock(page);
            }

            PutNeedsLock(offset, bytes);
            Interlocked.Exchange(ref _length, Math.Max(_length, offset + bytes.Length));
        }
    }

    public void Sync()
    {
        lock (_lock)
        {
            _unsynced.Clear();
            _syncedLength = _length;
        }
    }

    public void Extend(long length)
    {
        lock (_lock)
        {
            Interlocked.Exchange(ref _length, Math.Max(_length, length));
        }
    }

    public void Truncate(long length)
    {
        lock (_lock)
        {
            foreach (long segment in _segments.Keys.Where(key => (key + 1) * SegmentSize > length).ToList())
            {
                long first = Math.Max(length, segment * SegmentSize);
                for (long page = first / PageSize; page * PageSize < (segment + 1) * SegmentSize; page++)
                {
                    RememberNeedsLock(page);
                }

                if (first == segment * SegmentSize)
                {
                    _segments.Remove(segment);
                }
                else
                {
                    _segments[segment].AsSpan((int)(first % SegmentSize)).Clear();
                }
            }

            Interlocked.Exchange(ref _length, length);
        }
    }

    /// <summary>Takes the file back to its last sync; with dice, sector by sector as they fall.</summary>
    public void Crash(Random? dice)
    {
        lock (_lock)
        {
            foreach ((long page, byte[]? before) in _unsynced)
            {
                for (int sector = 0; sector < PageSize; sector += SectorSize)
                {
                    if (dice?.Next(2) != 1)
                    {
                        ReadOnlySpan<byte> old = before is null ? new byte[SectorSize] : before.AsSpan(sector, SectorSize);
                        PutNeedsLock((page * PageSize) + sector, old);
                    }
                }
            }

            _unsynced.Clear();
            if (dice?.Next(2) != 1)
            {
                Interlocked.Exchange(ref _length, _syncedLength);
            }

            _syncedLength = _length;
        }
    }

    private static (long Segment, int Within) Locate(long offset) =>
        (offset / SegmentSize, (int)(offset % SegmentSize));

    private void RememberNeedsLock(long page)
    {
        if (!_unsynced.ContainsKey(page))
        {
            (long segment, int within) = Locate(page * PageSize);
            _unsynced[page] = _segments.TryGetValue(segment, out byte[]? bytes)
                && bytes.AsSpan(within, PageSize).ContainsAnyExcept((byte)0)
                ? bytes.AsSpan(within, PageSize).ToArray()
                : null;
        }
    }

    private void PutNeedsLock(long offset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            (long segment, int within) = Locate(offset);
            int piece = Math.Min(bytes.Length, SegmentSize - within);
            if (!_segments.TryGetValue(segment, out byte[]? target))
            {
                _segments[segment] = target = new byte[SegmentSize];
            }

            bytes[..piece].CopyTo(target.AsSpan(within));
            offset += piece;
            bytes = bytes[piece..];
        }
    }
}

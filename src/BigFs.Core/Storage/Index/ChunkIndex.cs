namespace BigFs.Core.Storage;

/// <summary>
/// What a volume knows of its keys, in up to three layers: what came recently, what is being merged into a file (frozen),
/// and the index file. Upper layers hold all there is to know of their keys. Without a file (an open volume) everything is
/// in memory. Not thread-safe but for <see cref="File"/>'s own reads.
/// </summary>
internal sealed class ChunkIndex
{
    private ChunkMap _recent;
    private ChunkMap? _frozen;

    /// <summary>An empty index.</summary>
    public ChunkIndex() => _recent = new ChunkMap();

    /// <summary>An index that a file holds.</summary>
    public ChunkIndex(IndexFile file)
        : this()
    {
        File = file;
        Live = file.Header.Live;
        LiveBytes = file.Header.LiveBytes;
        Entries = file.Header.Entries;
    }

    /// <summary>The lowest layer; null when everything is in memory.</summary>
    public IndexFile? File { get; private set; }

    /// <summary>Chunks that are not deleted.</summary>
    public long Live { get; private set; }

    /// <summary>Bytes of the log that these take, with their headers and trailers.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Keys in all, deleted ones included.</summary>
    public long Entries { get; private set; }

    /// <summary>Entries in memory.</summary>
    public long InMemory => _recent.Count + (_frozen?.Count ?? 0);

    /// <summary>Looks in memory alone.</summary>
    public bool TryGet(ulong key, out IndexEntry entry) =>
        _recent.TryGet(key, out entry) || (_frozen is not null && _frozen.TryGet(key, out entry));

    /// <summary>Notes a finding of the log.</summary>
    /// <param name="entry">A chunk or a delete mark.</param>
    /// <param name="inFile">What the file knows of the key.</param>
    public void Add(in IndexEntry entry, in IndexEntry? inFile)
    {
        IndexEntry? known = TryGet(entry.Key, out IndexEntry found) ? found : inFile;
        IndexEntry combined = known is { } older ? IndexEntry.Combine(older, entry) : entry;
        Count(known, -1);
        Count(combined, 1);
        _recent.Put(combined);
    }

    /// <summary>Copies what memory has from this key on, in order, at most so many entries.</summary>
    public List<IndexEntry> CopyFrom(ulong first, int most)
    {
        var recent = new IndexEntry[(int)Math.Min(most, _recent.Count)];
        int count = _recent.CopyFrom(first, recent);
        if (_frozen is null)
        {
            return [.. recent.AsSpan(0, count)];
        }

        var frozen = new IndexEntry[(int)Math.Min(most, _frozen.Count)];
        int frozenCount = _frozen.CopyFrom(first, frozen);
        return Merge(recent.AsSpan(0, count), frozen.AsSpan(0, frozenCount), most);
    }

    /// <summary>Merges two sorted runs; the upper one's entries hide the lower one's.</summary>
    public static List<IndexEntry> Merge(ReadOnlySpan<IndexEntry> upper, ReadOnlySpan<IndexEntry> lower, int most)
    {
        var merged = new List<IndexEntry>(Math.Min(most, upper.Length + lower.Length));
        int u = 0, l = 0;
        while (merged.Count < most && (u < upper.Length || l < lower.Length))
        {
            bool takesUpper = l == lower.Length || (u < upper.Length && upper[u].Key <= lower[l].Key);
            l += takesUpper && l < lower.Length && upper[u].Key == lower[l].Key ? 1 : 0;
            merged.Add(takesUpper ? upper[u++] : lower[l++]);
        }

        return merged;
    }

    /// <summary>
    /// Sets what is in memory aside for a merge; it changes no more until the next call.
    /// </summary>
    public ChunkMap Freeze()
    {
        if (_frozen is null)
        {
            _frozen = _recent;
        }
        else
        {
            // An earlier merge failed: what came since joins what was frozen then.
            foreach (IndexEntry entry in _recent.Entries())
            {
                _frozen.Put(entry);
            }
        }

        _recent = new ChunkMap();
        return _frozen;
    }

    /// <summary>Makes one map again of what was frozen and what came since: the volume goes on without a file.</summary>
    public void Thaw()
    {
        if (_frozen is null)
        {
            return;
        }

        foreach (IndexEntry entry in _recent.Entries())
        {
            _frozen.Put(entry);
        }

        _recent = _frozen;
        _frozen = null;
    }

    /// <summary>Puts a file that holds everything frozen in place of the lower layers; returns the old one.</summary>
    public IndexFile? Switch(IndexFile file)
    {
        IndexFile? old = File;
        File = file;
        _frozen = null;
        return old;
    }

    /// <summary>
    /// Puts a map made of the lower layers (or of the log) in their place, with everything in memory on top; returns the
    /// file, which is used no more.
    /// </summary>
    public IndexFile? Take(ChunkMap lower)
    {
        ChunkMap[] upper = _frozen is null ? [_recent] : [_frozen, _recent];
        (Live, LiveBytes, Entries) = (0, 0, 0);
        foreach (IndexEntry entry in upper.SelectMany(map => map.Entries()))
        {
            lower.Put(lower.TryGet(entry.Key, out IndexEntry older) ? IndexEntry.Combine(older, entry) : entry);
        }

        foreach (IndexEntry entry in lower.Entries())
        {
            Count(entry, 1);
        }

        IndexFile? old = File;
        File = null;
        _frozen = null;
        _recent = lower;
        return old;
    }

    /// <summary>The map of an index that is all in memory, for another to take.</summary>
    public ChunkMap TakeMap() => _recent;

    private void Count(in IndexEntry? entry, int sign)
    {
        if (entry is not { } counted)
        {
            return;
        }

        Entries += sign;
        if (!counted.IsDeleted)
        {
            Live += sign;
            LiveBytes += sign * LogFormat.FootprintOf(counted.Length);
        }
    }
}

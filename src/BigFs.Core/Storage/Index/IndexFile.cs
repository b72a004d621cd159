using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>
/// The index of one log in a file, read-only: a static B+ tree. Its pages are checked as they are read; whoever meets a bad
/// one gets a <see cref="DiskException"/> and has the index made anew from the log. Thread-safe.
/// </summary>
internal sealed class IndexFile : IAsyncDisposable
{
    /// <summary>Pages read at once when the file is read from end to end.</summary>
    private const int PagesAtOnce = 64;

    private readonly IDiskFile _file;
    private readonly IndexPageCache _cache;
    private readonly string _path;
    private readonly uint _seed;
    private readonly long _number;

    /// <summary>Pages of each level, the leaves first, and where each level begins.</summary>
    private readonly int[] _levels;
    private readonly int[] _starts;

    private IndexFile(IDiskFile file, IndexPageCache cache, string path, in IndexHeader header)
    {
        _file = file;
        _cache = cache;
        _path = path;
        _number = cache.NewFile();
        _seed = IndexFormat.PageSeed(header.Position, header.Salt);
        _levels = IndexFormat.Levels(header.Entries);
        _starts = new int[_levels.Length];
        for (int level = 0, next = 1; level < _levels.Length; next += _levels[level], level++)
        {
            _starts[level] = next;
        }

        Header = header;
    }

    public IndexHeader Header { get; }

    /// <summary>Opens the file; null when it has no header that can be believed, or not the length that it says.</summary>
    /// <exception cref="DiskException">The disk failed.</exception>
    public static async ValueTask<IndexFile?> OpenAsync(IDisk disk, IndexPageCache cache, string path)
    {
        IDiskFile file = await disk.OpenFileAsync(path);
        try
        {
            var page = new byte[IndexFormat.PageSize];
            int length = await file.ReadAsync(0, page);
            if (IndexFormat.ReadHeader(page.AsSpan(0, length)) is { } header)
            {
                var index = new IndexFile(file, cache, path, header);
                if (await file.GetLengthAsync() == (1L + index._levels.Sum()) * IndexFormat.PageSize)
                {
                    return index;
                }
            }
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }

        await file.DisposeAsync();
        return null;
    }

    /// <summary>What the index knows of the key; null when it knows nothing.</summary>
    /// <exception cref="DiskException">The file is damaged, or the disk failed.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed meanwhile.</exception>
    public async ValueTask<IndexEntry?> FindAsync(ulong key)
    {
        if (await FindLeafAsync(key) is not (>= 0 and var leaf))
        {
            return null;
        }

        byte[] page = await ReadAsync(0, leaf);
        int at = IndexFormat.Search(page, 0, CountOf(0, leaf), key);
        return at >= 0 && IndexFormat.ReadEntry(page, at) is var entry && entry.Key == key ? entry : null;
    }

    /// <summary>Adds entries from this key on, in order, until the list has so many or none are left.</summary>
    /// <exception cref="DiskException">The file is damaged, or the disk failed.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed meanwhile.</exception>
    public async ValueTask CopyFromAsync(ulong first, int most, List<IndexEntry> target)
    {
        for (int leaf = Math.Max(0, await FindLeafAsync(first)); leaf < LeafCount && target.Count < most; leaf++)
        {
            byte[] page = await ReadAsync(0, leaf);
            int count = CountOf(0, leaf);
            for (int at = Math.Max(0, IndexFormat.Search(page, 0, count, first)); at < count && target.Count < most; at++)
            {
                if (IndexFormat.ReadEntry(page, at) is var entry && entry.Key >= first)
                {
                    target.Add(entry);
                }
            }
        }
    }

    /// <summary>All entries in order, by large reads that pass the cache by.</summary>
    /// <exception cref="DiskException">The file is damaged, or the disk failed.</exception>
    public async IAsyncEnumerable<IndexEntry> EntriesAsync()
    {
        var pages = new byte[Math.Min(PagesAtOnce, LeafCount) * IndexFormat.PageSize];
        for (int leaf = 0; leaf < LeafCount; leaf++)
        {
            int slot = leaf % PagesAtOnce;
            if (slot == 0)
            {
                int wanted = Math.Min(PagesAtOnce, LeafCount - leaf) * IndexFormat.PageSize;
                await _file.ReadAsync((1L + leaf) * IndexFormat.PageSize, pages.AsMemory(0, wanted));
            }

            ReadOnlyMemory<byte> page = pages.AsMemory(slot * IndexFormat.PageSize, IndexFormat.PageSize);
            int count = CountOf(0, leaf);
            Check(page.Span, 0, leaf, count);
            for (int at = 0; at < count; at++)
            {
                yield return IndexFormat.ReadEntry(page.Span, at);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _file.DisposeAsync();

    private int LeafCount => _levels.Length == 0 ? 0 : _levels[0];

    /// <summary>The leaf in which the key stands if it stands anywhere; -1 when it is below all keys.</summary>
    private async ValueTask<int> FindLeafAsync(ulong key)
    {
        int page = _levels.Length == 0 ? -1 : 0;
        for (int level = _levels.Length - 1; level > 0 && page >= 0; level--)
        {
            byte[] bytes = await ReadAsync(level, page);
            int at = IndexFormat.Search(bytes, level, CountOf(level, page), key);
            page = at < 0 ? -1 : (page * IndexFormat.BranchKeys) + at;
        }

        return page;
    }

    /// <summary>How many entries (leaves) or keys (above) the page has.</summary>
    private int CountOf(int level, int page) => level == 0
        ? (int)Math.Min(IndexFormat.LeafEntries, Header.Entries - ((long)page * IndexFormat.LeafEntries))
        : Math.Min(IndexFormat.BranchKeys, _levels[level - 1] - (page * IndexFormat.BranchKeys));

    private async ValueTask<byte[]> ReadAsync(int level, int page)
    {
        int number = _starts[level] + page;
        if (_cache.Find(_number, number) is { } known)
        {
            return known;
        }

        var bytes = new byte[IndexFormat.PageSize];
        await _file.ReadAsync((long)number * IndexFormat.PageSize, bytes);
        Check(bytes, level, page, CountOf(level, page));
        _cache.Add(_number, number, bytes);
        return bytes;
    }

    private void Check(ReadOnlySpan<byte> bytes, int level, int page, int count)
    {
        int number = _starts[level] + page;
        if (!IndexFormat.IsPage(bytes, _seed, number, level, count))
        {
            throw new DiskException($"page {number} of \"{_path}\" is damaged.");
        }
    }
}

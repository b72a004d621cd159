namespace BigFs.Core.Storage;

/// <summary>
/// Index entries in memory, ordered by key: a list of sorted pages, as the leaves of a B+ tree with one level above them.
/// Keys come mostly in rising order, so that pages are nearly full: about 24 bytes an entry, 35 when they come at random.
/// Not thread-safe.
/// </summary>
internal sealed class ChunkMap
{
    private const int PageLength = 256;
    private const int FirstPageLength = 8;

    private readonly List<Page> _pages = [];

    /// <summary>How many entries there are.</summary>
    public long Count { get; private set; }

    public bool TryGet(ulong key, out IndexEntry entry)
    {
        if (PageOf(key) is { } page && page.Find(key) is >= 0 and var at)
        {
            entry = page.Entries[at];
            return true;
        }

        entry = default;
        return false;
    }

    /// <summary>Adds the entry, or replaces the one of its key.</summary>
    public void Put(in IndexEntry entry)
    {
        int number = NumberOf(entry.Key);
        if (number < 0)
        {
            _pages.Insert(0, new Page(FirstPageLength));
            number = 0;
        }

        Page page = _pages[number];
        int at = page.Find(entry.Key);
        if (at >= 0)
        {
            page.Entries[at] = entry;
            return;
        }

        at = ~at;
        Count++;
        if (page.Count == PageLength)
        {
            (page, at) = Split(number, at);
        }

        page.Insert(at, entry);
    }

    /// <summary>Fills the destination with the entries from this key on, in order; returns how many these are.</summary>
    public int CopyFrom(ulong first, Span<IndexEntry> destination)
    {
        int done = 0;
        for (int number = Math.Max(0, NumberOf(first)); number < _pages.Count && done < destination.Length; number++)
        {
            Page page = _pages[number];
            int at = page.Find(first);
            at = at < 0 ? ~at : at;
            int count = Math.Min(page.Count - at, destination.Length - done);
            page.Entries.AsSpan(at, count).CopyTo(destination[done..]);
            done += count;
        }

        return done;
    }

    /// <summary>All entries in order; the map must not change meanwhile.</summary>
    public IEnumerable<IndexEntry> Entries()
    {
        foreach (Page page in _pages)
        {
            for (int i = 0; i < page.Count; i++)
            {
                yield return page.Entries[i];
            }
        }
    }

    private Page? PageOf(ulong key) => NumberOf(key) is >= 0 and var number ? _pages[number] : null;

    /// <summary>The last page whose first key is not above this one; -1 when there is none.</summary>
    private int NumberOf(ulong key)
    {
        int low = 0, high = _pages.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (_pages[middle].Entries[0].Key <= key)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high;
    }

    /// <summary>Makes room in a full page for an entry at this place; returns where it goes now.</summary>
    private (Page Page, int At) Split(int number, int at)
    {
        Page page = _pages[number];
        bool isLast = number == _pages.Count - 1 && at == PageLength;
        int kept = isLast ? PageLength : PageLength / 2; // rising keys fill one page after the other
        var next = new Page(PageLength);
        page.Entries.AsSpan(kept, PageLength - kept).CopyTo(next.Entries);
        next.Count = PageLength - kept;
        page.Count = kept;
        _pages.Insert(number + 1, next);
        return at > kept || isLast ? (next, at - kept) : (page, at);
    }

    private sealed class Page(int capacity)
    {
        public IndexEntry[] Entries { get; private set; } = new IndexEntry[capacity];

        public int Count { get; set; }

        /// <summary>Where the key stands; the complement of where it would go when it does not.</summary>
        public int Find(ulong key)
        {
            int low = 0, high = Count - 1;
            while (low <= high)
            {
                int middle = (low + high) >>> 1;
                ulong found = Entries[middle].Key;
                if (found == key)
                {
                    return middle;
                }

                (low, high) = found < key ? (middle + 1, high) : (low, middle - 1);
            }

            return ~low;
        }

        public void Insert(int at, in IndexEntry entry)
        {
            if (Count == Entries.Length)
            {
                IndexEntry[] wider = new IndexEntry[Math.Min(PageLength, 2 * Count)];
                Entries.CopyTo(wider, 0);
                Entries = wider;
            }

            Array.Copy(Entries, at, Entries, at + 1, Count - at);
            Entries[at] = entry;
            Count++;
        }
    }
}

namespace BigFs.Core.Storage;

/// <summary>
/// Verified pages of the node's index files in memory, as many as a budget allows; the least recently used go first, by
/// the second-chance rule (Corbato, 1968). Thread-safe.
/// </summary>
internal sealed class IndexPageCache
{
    /// <summary>What a page takes in memory, with its place in the cache.</summary>
    private const int PageCost = IndexFormat.PageSize + 128;

    private readonly Lock _lock = new();
    private readonly Dictionary<(long File, int Page), int> _slots = [];
    private readonly List<Slot> _ring = [];
    private readonly int _most;
    private int _hand;
    private long _lastFile;

    /// <summary>Makes a cache of at most so many bytes; it has at least 16 pages.</summary>
    public IndexPageCache(long bytes) => _most = (int)Math.Clamp(bytes / PageCost, 16, int.MaxValue / 2);

    /// <summary>A number that no other file has.</summary>
    public long NewFile() => Interlocked.Increment(ref _lastFile);

    /// <summary>The page, when it is here. It must not be changed.</summary>
    public byte[]? Find(long file, int page)
    {
        lock (_lock)
        {
            if (!_slots.TryGetValue((file, page), out int at))
            {
                return null;
            }

            _ring[at].IsUsed = true;
            return _ring[at].Bytes;
        }
    }

    public void Add(long file, int page, byte[] bytes)
    {
        lock (_lock)
        {
            if (_slots.ContainsKey((file, page)))
            {
                return; // two readers missed it at once
            }

            int at = _ring.Count < _most ? _ring.Count : VictimNeedsLock();
            var slot = new Slot((file, page), bytes);
            if (at == _ring.Count)
            {
                _ring.Add(slot);
            }
            else
            {
                _slots.Remove(_ring[at].Id);
                _ring[at] = slot;
            }

            _slots[(file, page)] = at;
        }
    }

    private int VictimNeedsLock()
    {
        while (true)
        {
            _hand = (_hand + 1) % _ring.Count;
            if (!_ring[_hand].IsUsed)
            {
                return _hand;
            }

            _ring[_hand].IsUsed = false;
        }
    }

    private sealed class Slot((long File, int Page) id, byte[] bytes)
    {
        public (long File, int Page) Id => id;

        public byte[] Bytes => bytes;

        public bool IsUsed { get; set; } = true;
    }
}

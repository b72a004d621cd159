using System.Diagnostics.CodeAnalysis;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.FileServer;

/// <summary>
/// Entries and manifests as they were when they were read, by path; the least recently used go when the memory is used up.
/// That nothing stands at a path is never kept. What was read before an invalidation is not kept after it, also when it
/// arrives later. Thread-safe.
/// </summary>
/// <param name="mostBytes">Bytes to use at most, about; 0 for keeping nothing.</param>
internal sealed class MetadataCache(long mostBytes)
{
    /// <summary>Paths that share one mark of their last invalidation.</summary>
    private const int Marks = 4096;

    /// <summary>Invalidated trees that are remembered one by one; with more, everything is forgotten.</summary>
    private const int MostTrees = 1024;

    /// <summary>What an entry takes beside its texts, references and content: the objects and the places in tables.</summary>
    private const int BytesPerEntry = 400;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Item>> _items = new(StringComparer.Ordinal);
    private readonly LinkedList<Item> _byUse = new();
    private readonly long[] _marks = new long[Marks];
    private readonly Dictionary<string, long> _trees = new(StringComparer.Ordinal);
    private long _sequence;
    private long _forgotten;

    /// <summary>Bytes in use, about.</summary>
    public long Bytes { get; private set; }

    /// <summary>Entries kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _items.Count;
            }
        }
    }

    /// <summary>Where the invalidations stand: taken before something is read that is to be kept.</summary>
    public long Begin() => Volatile.Read(ref _sequence);

    /// <summary>What is kept of a path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="readAt">The caller's time of when it was read, or found unchanged.</param>
    public bool TryGet(BigFsPath path, [NotNullWhen(true)] out MetadataEntry? entry, out long readAt)
    {
        lock (_gate)
        {
            if (_items.TryGetValue(path.ToString(), out LinkedListNode<Item>? node))
            {
                if (!IsForgottenNeedsGate(node.Value.Path, node.Value.Begun))
                {
                    _byUse.Remove(node);
                    _byUse.AddFirst(node);
                    (entry, readAt) = (node.Value.Entry, node.Value.ReadAt);
                    return true;
                }

                RemoveNeedsGate(node);
            }

            (entry, readAt) = (null, 0);
            return false;
        }
    }

    /// <summary>Keeps what was read, unless it was invalidated since.</summary>
    /// <param name="path">The path.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="begun">What <see cref="Begin"/> gave before it was read.</param>
    /// <param name="readAt">The caller's time of before it was read.</param>
    public void Put(BigFsPath path, MetadataEntry entry, long begun, long readAt)
    {
        string key = path.ToString();
        long bytes = Size(key, entry);
        if (bytes > mostBytes)
        {
            Forget(path);
            return;
        }

        lock (_gate)
        {
            if (IsForgottenNeedsGate(key, begun))
            {
                return;
            }

            if (_items.TryGetValue(key, out LinkedListNode<Item>? before))
            {
                if (before.Value.Begun > begun)
                {
                    // Two read it at once, and the other one began later.
                    return;
                }

                RemoveNeedsGate(before);
            }

            _items[key] = _byUse.AddFirst(new Item(key, entry, begun, readAt, bytes));
            Bytes += bytes;
            while (Bytes > mostBytes)
            {
                RemoveNeedsGate(_byUse.Last!);
            }
        }
    }

    /// <summary>Forgets a path, also what is being read of it.</summary>
    public void Forget(BigFsPath path)
    {
        string key = path.ToString();
        lock (_gate)
        {
            _marks[Mark(key)] = ++_sequence;
            if (_items.TryGetValue(key, out LinkedListNode<Item>? node))
            {
                RemoveNeedsGate(node);
            }
        }
    }

    /// <summary>
    /// Forgets a path and everything beneath it: at once by a mark, which is looked at with each path beneath; the memory comes
    /// back as they are asked for or grow old.
    /// </summary>
    public void ForgetTree(BigFsPath path)
    {
        lock (_gate)
        {
            _sequence++;
            if (path.IsRoot || _trees.Count >= MostTrees)
            {
                _forgotten = _sequence;
                _items.Clear();
                _byUse.Clear();
                _trees.Clear();
                Bytes = 0;
                return;
            }

            _trees[path.ToString()] = _sequence;
        }
    }

    private static int Mark(string path) => (int)((uint)path.GetHashCode(StringComparison.Ordinal) % Marks);

    private static long Size(string path, MetadataEntry entry)
    {
        long bytes = BytesPerEntry + (4L * path.Length) + (24L * entry.Manifest.Length) + entry.Content.Length;
        if (entry.Entry is BigFsFile file)
        {
            bytes += 2L * (file.ContentType?.Length ?? 0);
            foreach ((string name, string value) in file.Metadata)
            {
                bytes += 120 + (2L * (name.Length + value.Length));
            }
        }

        return bytes;
    }

    /// <summary>Whether a path, or a directory above it, was invalidated after so many invalidations.</summary>
    private bool IsForgottenNeedsGate(string path, long begun)
    {
        if (_forgotten > begun || _marks[Mark(path)] > begun)
        {
            return true;
        }

        if (_trees.Count == 0)
        {
            return false;
        }

        var trees = _trees.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int end = path.Length; end > 0; end = path.LastIndexOf('/', end - 1))
        {
            if (trees.TryGetValue(path.AsSpan(0, end), out long forgotten) && forgotten > begun)
            {
                return true;
            }
        }

        return false;
    }

    private void RemoveNeedsGate(LinkedListNode<Item> node)
    {
        _items.Remove(node.Value.Path);
        _byUse.Remove(node);
        Bytes -= node.Value.Bytes;
    }

    private sealed record Item(string Path, MetadataEntry Entry, long Begun, long ReadAt, long Bytes);
}

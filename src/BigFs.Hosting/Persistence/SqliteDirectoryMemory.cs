namespace BigFs.Hosting.Persistence;

/// <summary>
/// Ids of directories that the writer has met, so that it does not ask for each level of each path again. Exact, never a
/// guess: the writer alone changes the database, forgets them all when it moves or removes any directory, and when anything
/// is rolled back. For the writer alone; not thread-safe.
/// </summary>
internal sealed class SqliteDirectoryMemory
{
    /// <summary>About 100 bytes each with its name; when there are more, it begins anew.</summary>
    private const int Most = 1 << 16;

    /// <summary>At most about 300 bytes each, for longer ones are not kept.</summary>
    private const int MostPaths = 1 << 14;

    private const int LongestPath = 128;

    private readonly Dictionary<(long Parent, string Name), long> _known = [];
    private readonly Dictionary<string, long> _paths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> _pathsBySpan;

    public SqliteDirectoryMemory() => _pathsBySpan = _paths.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether the directory at a path, not the root, is known.</summary>
    public bool TryGet(ReadOnlySpan<char> path, out long id) => _pathsBySpan.TryGetValue(path, out id);

    /// <summary>The same as <see cref="Add(long, string, long)"/>, by the directory's path.</summary>
    public void Add(ReadOnlySpan<char> path, long id)
    {
        if (path.Length > LongestPath)
        {
            return;
        }

        if (_paths.Count == MostPaths)
        {
            _paths.Clear();
        }

        _pathsBySpan[path] = id;
    }

    /// <summary>Whether the directory is known.</summary>
    public bool TryGet(long parent, string name, out long id) => _known.TryGetValue((parent, name), out id);

    /// <summary>A directory that stands there now, also by the transaction that is open.</summary>
    public void Add(long parent, string name, long id)
    {
        if (_known.Count == Most)
        {
            _known.Clear();
        }

        _known[(parent, name)] = id;
    }

    /// <summary>Forgets all.</summary>
    public void Forget()
    {
        _known.Clear();
        _paths.Clear();
    }
}

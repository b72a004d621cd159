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

    private readonly Dictionary<(long Parent, string Name), long> _known = [];

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
    public void Forget() => _known.Clear();
}

using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

internal sealed partial class PostgresTransaction
{
    private readonly HashSet<Guid> _changedSessions = [], _newOperations = [];
    private readonly List<(long Version, long Page, byte[] Chunks)> _pages = [];
    private readonly List<(long Version, byte[] Bytes)> _contents = [];
    private readonly List<long> _goneContents = [];
    private readonly List<(long Due, long Volume, long Key)> _tombstones = [];
    private readonly List<(long Version, long Due, int Chunks, byte[]? Manifest)> _deadVersions = [];
    private readonly List<(long Id, long Due, Guid? Job)> _deadDirectories = [];
    private readonly List<PostgresJob> _newJobs = [];

    /// <summary>Runs one operation; when it throws, what it changed is taken back.</summary>
    public async ValueTask<T> RunAsync<T>(Func<PostgresTransaction, ValueTask<T>> operation)
    {
        _undo.Clear();
        try
        {
            return await operation(this).ConfigureAwait(false);
        }
        catch
        {
            while (_undo.TryPop(out Action? undo))
            {
                undo();
            }

            throw;
        }
    }

    /// <summary>Puts an entry where its row says, in the place of what is there.</summary>
    public void PutEntry(PostgresEntryRow row) => SetEntry(row.Parent, row.Name, row);

    /// <summary>Takes an entry away; what belongs to it is the caller's to bury.</summary>
    public void RemoveEntry(PostgresEntryRow row) => SetEntry(row.Parent, row.Name, null);

    /// <summary>Notes that a directory of this id is made here: whatever is not put into it is not in it.</summary>
    public void AddDirectory(PostgresEntryRow row)
    {
        long id = row.Id!.Value;
        _newDirectories.Add(id);
        _undo.Push(() => _newDirectories.Remove(id));
        PutEntry(row);
    }

    /// <summary>Writes a session, a new one or a known one's next state.</summary>
    public void PutSession(PostgresSession session)
    {
        _sessions.TryGetValue(session.Id, out PostgresSession? before);
        bool first = _changedSessions.Add(session.Id);
        _sessions[session.Id] = session;
        _undo.Push(() =>
        {
            _sessions[session.Id] = before;
            if (first)
            {
                _changedSessions.Remove(session.Id);
            }
        });
    }

    /// <summary>Keeps the first answer of an operation, which had none.</summary>
    public void AddOperation(PostgresOperation operation)
    {
        _operations[operation.Id] = operation;
        _newOperations.Add(operation.Id);
        _undo.Push(() =>
        {
            _operations[operation.Id] = null;
            _newOperations.Remove(operation.Id);
        });
    }

    /// <summary>Writes a page of a long manifest.</summary>
    public void AddPage(long version, long page, ReadOnlySpan<ChunkReference> chunks) =>
        Add(_pages, (version, page, ManifestCodec.Encode(chunks)));

    /// <summary>Keeps the content of a version.</summary>
    public void AddContent(long version, byte[] bytes) => Add(_contents, (version, bytes));

    /// <summary>Removes the content of a version.</summary>
    public void RemoveContent(long version) => Add(_goneContents, version);

    /// <summary>
    /// Notes a version that is out of sight: one row, however many chunks it has, which <see cref="PostgresDeadVersions"/>
    /// works off once it is due.
    /// </summary>
    /// <param name="version">The version.</param>
    /// <param name="due">When its leases end.</param>
    /// <param name="chunks">How many references it has.</param>
    /// <param name="manifest">The references; null when they lie in pages.</param>
    public void AddDeadVersion(long version, long due, int chunks, byte[]? manifest) =>
        Add(_deadVersions, (version, due, chunks, manifest));

    /// <summary>Notes a directory that is out of sight, whose entries still have to go.</summary>
    /// <param name="id">The directory.</param>
    /// <param name="due">When its files' chunks may go.</param>
    /// <param name="job">The job that clears it away, or null.</param>
    public void AddDeadDirectory(long id, long due, Guid? job) => Add(_deadDirectories, (id, due, job));

    /// <summary>Begins a job, which may be at its end, too.</summary>
    public void AddJob(PostgresJob job) => Add(_newJobs, job);

    private void SetEntry(long parent, string name, PostgresEntryRow? row)
    {
        Dictionary<string, KnownEntry> known = Known(parent);
        bool was = known.TryGetValue(name, out KnownEntry before);
        if (!was && !_newDirectories.Contains(parent))
        {
            throw new InvalidOperationException($"The entry \"{name}\" of directory {parent} is changed without having been read.");
        }

        known[name] = before with { Row = row };
        _undo.Push(() =>
        {
            if (was)
            {
                known[name] = before;
            }
            else
            {
                known.Remove(name);
            }
        });
    }

    private void Set<T>(ref T field, T value, Action<T> restore)
    {
        T before = field;
        field = value;
        _undo.Push(() => restore(before));
    }

    private void Add<T>(List<T> list, T one)
    {
        list.Add(one);
        _undo.Push(() => list.RemoveAt(list.Count - 1));
    }
}

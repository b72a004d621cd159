using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>Reads the namespace on one connection: paths are walked from the root, a statement a level.</summary>
internal sealed class SqliteEntryReader : IDisposable
{
    private const string Columns = "name, id, created, modified, version, size, crc, replicas, notes, chunks";

    // UTF-8 never holds this byte: whatever follows a prefix sorts below the prefix and it.
    private const byte AboveUtf8 = 0xFF;

    private const int MostLevelsAtOnce = 8;

    private readonly SqliteDirectoryMemory? _directories;

    private readonly SqliteConnection _connection;
    private readonly SqliteStatement?[] _findAtOnce = new SqliteStatement?[MostLevelsAtOnce];
    private readonly SqliteStatement _begin, _end, _step, _find, _findWhole, _list, _page, _content, _anyChild, _due;

    /// <summary>Prepares the statements.</summary>
    /// <param name="connection">Where to read.</param>
    /// <param name="retention">How long jobs are kept after their end.</param>
    /// <param name="directories">What the writer knows, on its connection; else null.</param>
    public SqliteEntryReader(SqliteConnection connection, TimeSpan retention, SqliteDirectoryMemory? directories = null)
    {
        _directories = directories;
        _connection = connection;
        _begin = new SqliteStatement(connection, "BEGIN");
        _end = new SqliteStatement(connection, "ROLLBACK");
        _step = new SqliteStatement(connection, "SELECT id FROM entries WHERE parent = ?1 AND name = ?2");
        _find = new SqliteStatement(connection, $"SELECT {Columns} FROM entries WHERE parent = ?1 AND name = ?2");
        _findWhole = new SqliteStatement(
            connection, $"SELECT {Columns}, manifest, content FROM entries WHERE parent = ?1 AND name = ?2");
        _list = new SqliteStatement(
            connection,
            $"SELECT {Columns} FROM entries WHERE parent = ?1 AND name >= ?2 AND name < ?3 ORDER BY name LIMIT ?4");
        _page = new SqliteStatement(connection, "SELECT chunks FROM manifest_pages WHERE version = ?1 AND page = ?2");
        _content = new SqliteStatement(connection, "SELECT bytes FROM contents WHERE id = ?1");
        _anyChild = new SqliteStatement(connection, "SELECT 1 FROM entries WHERE parent = ?1 LIMIT 1");
        _due = new SqliteStatement(
            connection,
            "SELECT id, volume, key, epoch, confirmed, attempts FROM tombstones WHERE due <= ?1 ORDER BY due, id LIMIT ?2");
        Identity = new SqliteIdentity(connection);
        Inspection = new SqliteInspection(connection, this);
        Versions = new SqliteVersionReader(connection, this);
        Jobs = new SqliteJobs(connection, retention);
    }

    /// <summary>The rows as they are.</summary>
    public SqliteInspection Inspection { get; }

    /// <summary>What the database says of itself.</summary>
    public SqliteIdentity Identity { get; }

    /// <summary>Versions by their own number, and the owners of chunks.</summary>
    public SqliteVersionReader Versions { get; }

    /// <summary>The jobs.</summary>
    public SqliteJobs Jobs { get; }

    /// <summary>
    /// An entry by one statement, which sees one state of the database by itself; null when it is not there. Without its
    /// manifest.
    /// </summary>
    public SqliteEntryRow? FindAtOnce(BigFsPath path)
    {
        IReadOnlyList<string> names = path.Segments;
        if (names.Count is 0 or > MostLevelsAtOnce)
        {
            return InTransaction(reader => reader.Resolve(path, withManifest: false).Entry);
        }

        SqliteStatement find = _findAtOnce[names.Count - 1] ??= PrepareAtOnce(names.Count);
        find.Bind();
        for (int i = 0; i < names.Count; i++)
        {
            find.Name(i + 1, names[i]);
        }

        if (!find.Step())
        {
            return null;
        }

        SqliteEntryRow row = Row(find, parent: 0, withManifest: false);
        find.Reset();
        return row;
    }

    /// <summary>Runs several statements on one state of the database.</summary>
    public T InTransaction<T>(Func<SqliteEntryReader, T> read)
    {
        _begin.Run();
        try
        {
            return read(this);
        }
        finally
        {
            _end.Run();
        }
    }

    /// <summary>Follows a path.</summary>
    public SqliteResolved Resolve(BigFsPath path, bool withManifest)
    {
        if (path.IsRoot)
        {
            return new SqliteResolved(Find(SqliteMetadataSchema.AboveRoot, "", withManifest), null, null);
        }

        long parent = SqliteMetadataSchema.RootId;
        IReadOnlyList<string> segments = path.Segments;
        for (int depth = 0; depth < segments.Count - 1; depth++)
        {
            switch (Step(parent, segments[depth], out long id))
            {
                case Found.Nothing:
                    return default;
                case Found.File:
                    return new SqliteResolved(null, Ancestor(path, segments.Count - 1 - depth), null);
                default:
                    parent = id;
                    break;
            }
        }

        return new SqliteResolved(Find(parent, segments[^1], withManifest), null, parent);
    }

    /// <summary>The id of the directory in which the path's entry stands or would stand; null when there is none.</summary>
    public long? FindParent(BigFsPath path)
    {
        string text = path.ToString();
        int slash = text.LastIndexOf('/');
        if (_directories is not null && slash > 0 && _directories.TryGet(text.AsSpan(0, slash), out long known))
        {
            return known;
        }

        long parent = SqliteMetadataSchema.RootId;
        IReadOnlyList<string> segments = path.Segments;
        for (int depth = 0; depth < segments.Count - 1; depth++)
        {
            if (Step(parent, segments[depth], out long id) != Found.Directory)
            {
                return null;
            }

            parent = id;
        }

        if (slash > 0)
        {
            _directories?.Add(text.AsSpan(0, slash), parent);
        }

        return segments.Count == 0 ? null : parent;
    }

    /// <summary>What stands under a name in a directory, and its id when it is one.</summary>
    public Found Step(long parent, string name, out long id)
    {
        if (_directories is not null && _directories.TryGet(parent, name, out id))
        {
            return Found.Directory;
        }

        _step.Bind(parent).Name(2, name);
        id = 0;
        if (!_step.Step())
        {
            return Found.Nothing;
        }

        Found found = _step.IsNull(0) ? Found.File : Found.Directory;
        id = _step.Long(0);
        _step.Reset();
        if (found == Found.Directory)
        {
            _directories?.Add(parent, name, id);
        }

        return found;
    }

    /// <summary>Whether the directory holds anything.</summary>
    public bool HasEntries(long directory) => _anyChild.Bind(directory).Single() is not null;

    /// <summary>At most <paramref name="limit"/> rows of a directory, by name; never the manifests.</summary>
    /// <param name="directory">The directory's id.</param>
    /// <param name="after">Only names after this one; empty for all.</param>
    /// <param name="prefix">Only names that start with this.</param>
    /// <param name="limit">The most rows.</param>
    public List<SqliteEntryRow> List(long directory, string after, string prefix, int limit)
    {
        byte[] start = Encoding.UTF8.GetBytes(prefix);
        byte[] end = [.. start, AboveUtf8];
        if (after.Length > 0)
        {
            // No name holds NUL, so this is the first name after it.
            byte[] next = [.. Encoding.UTF8.GetBytes(after), 0];
            start = next.AsSpan().SequenceCompareTo(start) > 0 ? next : start;
        }

        _list.Bind(directory).Blob(2, start).Blob(3, end).Integer(4, limit);
        var rows = new List<SqliteEntryRow>(Math.Min(limit, 64));
        while (_list.Step())
        {
            rows.Add(Row(_list, directory, withManifest: false));
        }

        return rows;
    }

    /// <summary>The first chunks of a file whose row was read with its manifest, all when it is short.</summary>
    public ImmutableArray<ChunkReference> Manifest(SqliteEntryRow row) =>
        row.Manifest is not null ? ManifestCodec.Decode(row.Manifest) : Page(row.Version, 0) ?? [];

    /// <summary>The content that the metadata hold for a file whose row was read with its manifest; else empty.</summary>
    public byte[] Content(SqliteEntryRow row)
    {
        if (row.Content is not { } id)
        {
            return [];
        }

        if (!_content.Bind(id).Step())
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable, $"The content of version {row.FileVersion} is missing in the metadata.");
        }

        byte[] bytes = _content.Bytes(0).ToArray();
        _content.Reset();
        return bytes;
    }

    /// <summary>A page of a long manifest; null after the last.</summary>
    public ImmutableArray<ChunkReference>? Page(long version, long page)
    {
        if (!_page.Bind(version, page).Step())
        {
            return null;
        }

        try
        {
            return ManifestCodec.Decode(_page.Bytes(0));
        }
        finally
        {
            _page.Reset();
        }
    }

    /// <summary>Tombstones due by now.</summary>
    public ImmutableArray<Tombstone> Due(long now, int limit)
    {
        _due.Bind(now, limit);
        var due = ImmutableArray.CreateBuilder<Tombstone>();
        while (_due.Step())
        {
            due.Add(new Tombstone(
                _due.Long(0), new VolumeId(_due.Long(1)), new ChunkKey((ulong)_due.Long(2)))
            {
                Epoch = _due.Long(3),
                Confirmed = SqliteTombstones.Nodes(_due.Bytes(4)),
                Attempts = (int)_due.Long(5),
            });
        }

        return due.DrainToImmutable();
    }

    public void Dispose()
    {
        Identity.Dispose();
        Inspection.Dispose();
        SqliteStatement[] all = [_begin, _end, _step, _find, _findWhole, _list, _page, _content, _anyChild, _due];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }

        foreach (SqliteStatement? statement in _findAtOnce)
        {
            statement?.Dispose();
        }

        Versions.Dispose();
        Jobs.Dispose();
    }

    // A directory's id leads to the next level; a file or nothing gives NULL, which equals no parent.
    private SqliteStatement PrepareAtOnce(int levels)
    {
        string parent = "1";
        for (int level = 1; level < levels; level++)
        {
            parent = $"(SELECT id FROM entries WHERE parent = {parent} AND name = ?{level})";
        }

        return new SqliteStatement(
            _connection, $"SELECT {Columns} FROM entries WHERE parent = {parent} AND name = ?{levels}");
    }

    private SqliteEntryRow? Find(long parent, string name, bool withManifest)
    {
        SqliteStatement find = withManifest ? _findWhole : _find;
        find.Bind(parent).Name(2, name);
        if (!find.Step())
        {
            return null;
        }

        SqliteEntryRow row = Row(find, parent, withManifest);
        find.Reset();
        return row;
    }

    private static SqliteEntryRow Row(SqliteStatement row, long parent, bool withManifest) => new()
    {
        Parent = parent,
        Name = row.Text(0),
        Id = row.IsNull(1) ? null : row.Long(1),
        Created = row.Long(2),
        Modified = row.Long(3),
        Version = row.Long(4),
        Size = row.Long(5),
        Crc = (uint)row.Long(6),
        Replicas = (int)row.Long(7),
        Notes = row.IsNull(8) ? null : row.Bytes(8).ToArray(),
        Chunks = (int)row.Long(9),
        Manifest = withManifest && !row.IsNull(10) ? row.Bytes(10).ToArray() : null,
        Content = withManifest && !row.IsNull(11) ? row.Long(11) : null,
    };

    private static BigFsPath Ancestor(BigFsPath path, int levels)
    {
        for (; levels > 0; levels--)
        {
            path = path.Parent;
        }

        return path;
    }

    /// <summary>What stands under a name.</summary>
    internal enum Found
    {
        Nothing,
        File,
        Directory,
    }
}

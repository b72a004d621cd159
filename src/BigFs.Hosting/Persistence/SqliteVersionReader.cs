using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>Reads versions by their own number, and the owners of chunks, on one connection.</summary>
internal sealed class SqliteVersionReader : IDisposable
{
    private readonly SqliteEntryReader _entries;
    private readonly SqliteStatement _byVersion, _directory, _deadDirectory, _lease, _dead, _owners, _hasDue;

    public SqliteVersionReader(SqliteConnection connection, SqliteEntryReader entries)
    {
        _entries = entries;
        _byVersion = new SqliteStatement(
            connection, "SELECT parent, name, chunks, manifest FROM entries WHERE version = ?1 AND chunks > 0");
        _directory = new SqliteStatement(connection, "SELECT parent, name FROM entries WHERE id = ?1");
        _deadDirectory = new SqliteStatement(connection, "SELECT due FROM dead_directories WHERE id = ?1");
        _lease = new SqliteStatement(connection, "SELECT until FROM leases WHERE version = ?1");
        _dead = new SqliteStatement(connection, "SELECT due, chunks, manifest FROM dead_versions WHERE version = ?1");
        _owners = new SqliteStatement(connection, "SELECT version FROM chunk_owners WHERE key = ?1");
        _hasDue = new SqliteStatement(connection, "SELECT 1 FROM dead_versions WHERE due <= ?1 LIMIT 1");
    }

    /// <summary>What is known of a version that has chunks: where it stands, or until when it is kept; null for nothing.</summary>
    public SqliteVersionPlace? Locate(long version)
    {
        if (!_byVersion.Bind(version).Step())
        {
            return Dead(version);
        }

        long parent = _byVersion.Long(0);
        string name = _byVersion.Text(1);
        var place = new SqliteVersionPlace
        {
            Version = version,
            Chunks = (int)_byVersion.Long(2),
            Manifest = _byVersion.IsNull(3) ? null : _byVersion.Bytes(3).ToArray(),
        };
        _byVersion.Reset();
        var names = new Stack<string>([name]);
        while (parent != SqliteMetadataSchema.RootId)
        {
            if (!_directory.Bind(parent).Step())
            {
                // A directory above it was deleted; its entries follow.
                long due = Math.Max(_deadDirectory.Bind(parent).Single() ?? 0, _lease.Bind(version).Single() ?? 0);
                return place with { Due = due, IsInDeadTree = true };
            }

            parent = _directory.Long(0);
            names.Push(_directory.Text(1));
            _directory.Reset();
        }

        return place with { Path = "/" + string.Join('/', names) };
    }

    /// <summary>References of a version from a place on.</summary>
    public ImmutableArray<ChunkReference> Chunks(SqliteVersionPlace place, int first, int count)
    {
        if (place.Manifest is { } manifest)
        {
            return Slice(ManifestCodec.Decode(manifest), first, count);
        }

        const int size = SqliteEntryWriter.PageReferences;
        var chunks = ImmutableArray.CreateBuilder<ChunkReference>();
        for (int page = first / size; chunks.Count < count; page++)
        {
            if (_entries.Page(place.Version, page) is not { } references)
            {
                break;
            }

            chunks.AddRange(Slice(references, Math.Max(0, first - (page * size)), count - chunks.Count));
        }

        return chunks.DrainToImmutable();
    }

    /// <summary>Who owns a chunk.</summary>
    public ChunkOwners Owners(ChunkKey chunk)
    {
        var versions = new List<long>();
        _owners.Bind((long)chunk.Value);
        while (_owners.Step())
        {
            versions.Add(_owners.Long(0));
        }

        return versions is [0]
            ? new ChunkOwners(chunk, IsDeleted: true, [])
            : new ChunkOwners(
                chunk,
                IsDeleted: false,
                [.. versions.Select(version => new ChunkOwner(new BigFsVersion((ulong)version), PathOf(version)))]);
    }

    /// <summary>Whether versions out of sight wait to become tombstones by now.</summary>
    public bool HasDue(long now) => _hasDue.Bind(now).Single() is not null;

    public void Dispose()
    {
        SqliteStatement[] all = [_byVersion, _directory, _deadDirectory, _lease, _dead, _owners, _hasDue];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    // A move may have brought it deeper than a path can name; it is owned all the same.
    private BigFsPath? PathOf(long version) =>
        BigFsPath.TryParse(Locate(version)?.Path, null, out BigFsPath path) ? path : default(BigFsPath?);

    private SqliteVersionPlace? Dead(long version)
    {
        if (!_dead.Bind(version).Step())
        {
            return null;
        }

        var place = new SqliteVersionPlace
        {
            Version = version,
            Due = _dead.Long(0),
            Chunks = (int)_dead.Long(1),
            Manifest = _dead.IsNull(2) ? null : _dead.Bytes(2).ToArray(),
        };
        _dead.Reset();
        return place;
    }

    private static ImmutableArray<ChunkReference> Slice(ImmutableArray<ChunkReference> all, int first, int count) =>
        first >= all.Length ? [] : [.. all.AsSpan(first, Math.Min(count, all.Length - first))];
}

/// <summary>A version that has chunks, standing or still kept.</summary>
internal sealed record SqliteVersionPlace
{
    public required long Version { get; init; }

    public required int Chunks { get; init; }

    /// <summary>The references of a short manifest; null when they lie in pages.</summary>
    public required byte[]? Manifest { get; init; }

    /// <summary>Where it stands; null when it is out of sight.</summary>
    public string? Path { get; init; }

    /// <summary>Until when it is kept, when it is out of sight.</summary>
    public long Due { get; init; }

    /// <summary>Whether it went with a directory and was not yet cleared away.</summary>
    public bool IsInDeadTree { get; init; }
}

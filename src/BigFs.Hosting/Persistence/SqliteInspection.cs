using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>The rows of the namespace as they are, on one connection (<see cref="IMetadataInspection"/>).</summary>
internal sealed class SqliteInspection : IDisposable
{
    /// <summary>Below every directory's id: the rows after it are all rows.</summary>
    private const long BeforeAll = -1;

    private const string Columns =
        "SELECT e.parent, e.name, e.id, e.version, e.size, e.manifest, e.content, length(c.bytes) "
            + "FROM entries e LEFT JOIN contents c ON c.id = e.content ";

    private readonly SqliteEntryReader _reader;
    private readonly SqliteStatement _page, _entry, _directory, _dead, _sessions, _tombstones, _owners, _place, _deadVersion;

    public SqliteInspection(SqliteConnection connection, SqliteEntryReader reader)
    {
        _reader = reader;
        _page = new SqliteStatement(
            connection, Columns + "WHERE (e.parent, e.name) > (?1, ?3) ORDER BY e.parent, e.name LIMIT ?2");
        _entry = new SqliteStatement(connection, Columns + "WHERE e.parent = ?1 AND e.name = ?2");
        _directory = new SqliteStatement(connection, Columns + "WHERE e.id = ?1");
        _dead = new SqliteStatement(connection, "SELECT id FROM dead_directories WHERE id > ?1 ORDER BY id LIMIT ?2");
        _sessions = new SqliteStatement(
            connection, "SELECT count(*) FROM sessions WHERE state = 0 AND expires > ?1 AND created <= ?2");
        _tombstones = new SqliteStatement(connection, "SELECT count(*), coalesce(sum(attempts > 0), 0) FROM tombstones");
        _owners = new SqliteStatement(
            connection,
            "SELECT key, version FROM chunk_owners WHERE (key, version) > (?1, ?2) ORDER BY key, version LIMIT ?3");
        _place = new SqliteStatement(connection, "SELECT parent, name FROM entries WHERE version = ?1 AND chunks > 0");
        _deadVersion = new SqliteStatement(connection, "SELECT 1 FROM dead_versions WHERE version = ?1");
    }

    /// <summary><see cref="IMetadataInspection.InspectEntriesAsync"/>.</summary>
    public ImmutableArray<InspectedEntry> Entries(InspectedPlace after, int limit)
    {
        _page.Bind(after.Name is null ? BeforeAll : after.Directory, limit).Blob(3, Encoding.UTF8.GetBytes(after.Name ?? ""));
        return Rows(_page);
    }

    /// <summary><see cref="IMetadataInspection.InspectEntryAsync"/>.</summary>
    public InspectedEntry? Entry(InspectedPlace place) =>
        Rows(_entry.Bind(place.Directory).Blob(2, Encoding.UTF8.GetBytes(place.Name ?? ""))) is [var row] ? row : null;

    /// <summary><see cref="IMetadataInspection.InspectDirectoryAsync"/>.</summary>
    public InspectedEntry? Directory(long id) => Rows(_directory.Bind(id)) is [var row] ? row : null;

    /// <summary><see cref="IMetadataInspection.InspectManifestAsync"/>.</summary>
    public ImmutableArray<ChunkReference> Manifest(BigFsVersion version, int first)
    {
        (long page, int within) = Math.DivRem(first, SqliteEntryWriter.PageReferences);
        return _reader.Page((long)version.Value, page) is { } references && within < references.Length
            ? references[within..]
            : [];
    }

    /// <summary><see cref="IMetadataInspection.InspectDeadDirectoriesAsync"/>.</summary>
    public ImmutableArray<long> DeadDirectories(long after, int limit)
    {
        _dead.Bind(after, limit);
        var ids = ImmutableArray.CreateBuilder<long>();
        while (_dead.Step())
        {
            ids.Add(_dead.Long(0));
        }

        return ids.DrainToImmutable();
    }

    /// <summary><see cref="IMetadataInspection.InspectOwnersAsync"/>.</summary>
    public ImmutableArray<InspectedOwner> Owners(InspectedOwner? after, int limit)
    {
        // No version is negative: this one is before all rows of the lowest key, too.
        (long key, long version) = after is { } last
            ? ((long)last.Key.Value, (long)last.Version.Value)
            : (long.MinValue, -1);
        _owners.Bind(key, version, limit);
        var owners = ImmutableArray.CreateBuilder<InspectedOwner>();
        while (_owners.Step())
        {
            owners.Add(new InspectedOwner(new ChunkKey((ulong)_owners.Long(0)), new BigFsVersion((ulong)_owners.Long(1))));
        }

        return owners.DrainToImmutable();
    }

    /// <summary><see cref="IMetadataInspection.InspectVersionAsync"/>.</summary>
    public InspectedVersion Version(BigFsVersion version)
    {
        InspectedPlace? place = null;
        if (_place.Bind((long)version.Value).Step())
        {
            place = new InspectedPlace(_place.Long(0), _place.Text(1));
            _place.Reset();
        }

        return new InspectedVersion(place, _deadVersion.Bind((long)version.Value).Single() is not null);
    }

    /// <summary><see cref="IMetadataInspection.InspectSessionsAsync"/>.</summary>
    public InspectedSessions Sessions(DateTimeOffset? begunBefore, long now) => new(
        _sessions.Bind(now, begunBefore?.UtcTicks ?? now).Single() ?? 0, new DateTimeOffset(now, TimeSpan.Zero));

    /// <summary><see cref="IMetadataInspection.InspectTombstonesAsync"/>.</summary>
    public InspectedTombstones Tombstones()
    {
        _tombstones.Bind().Step();
        var counts = new InspectedTombstones(_tombstones.Long(0), _tombstones.Long(1));
        _tombstones.Reset();
        return counts;
    }

    public void Dispose()
    {
        SqliteStatement[] all =
            [_page, _entry, _directory, _dead, _sessions, _tombstones, _owners, _place, _deadVersion];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    private ImmutableArray<InspectedEntry> Rows(SqliteStatement select)
    {
        var rows = new List<(InspectedEntry Row, byte[]? Manifest)>();
        while (select.Step())
        {
            bool isFile = select.IsNull(2);
            rows.Add((
                new InspectedEntry
                {
                    Place = new InspectedPlace(select.Long(0), select.Text(1)),
                    Id = isFile ? null : select.Long(2),
                    Version = new BigFsVersion((ulong)select.Long(3)),
                    Size = select.Long(4),
                    ContentBytes = select.IsNull(6) ? null : select.IsNull(7) ? -1 : (int)select.Long(7),
                },
                select.IsNull(5) ? null : select.Bytes(5).ToArray()));
        }

        return [.. rows.Select(one => one.Row.Id is null && one.Row.ContentBytes is null ? WithChunks(one.Row, one.Manifest) : one.Row)];
    }

    private InspectedEntry WithChunks(InspectedEntry row, byte[]? manifest)
    {
        try
        {
            return manifest is not null
                ? row with { Chunks = ManifestCodec.Decode(manifest) }
                : row with { Chunks = Manifest(row.Version, 0), HasMore = true };
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
        {
            return row with { Chunks = default };
        }
    }
}

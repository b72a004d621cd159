using System.Collections.Immutable;
using BigFs.Core.Faults;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Versions that are out of sight and leased to readers, inside the writer's transaction: renewed while the lease lasts,
/// turned into tombstones afterwards, a little at a time. What cannot be read is set aside, so that the rest goes on.
/// </summary>
internal sealed partial class SqliteDeadVersions : IDisposable
{
    /// <summary>Most versions of one step; of long ones fewer.</summary>
    public const int VersionsPerStep = 256;

    private const int ChunksPerStep = SqliteEntryWriter.PageReferences;

    /// <summary>The due time of what is set aside: never.</summary>
    private const long Aside = long.MaxValue;

    private readonly SqliteEntryReader _reader;
    private readonly SqliteChunkOwners _owners;
    private readonly SqliteMetadataClock _clock;
    private readonly TimeSpan _readLease;
    private readonly ILogger _logger;
    private readonly SqliteStatement _due, _done, _aside, _lastPage, _removePage, _postpone, _addLease;

    public SqliteDeadVersions(
        SqliteConnection connection,
        SqliteEntryReader reader,
        SqliteChunkOwners owners,
        SqliteMetadataClock clock,
        TimeSpan readLease,
        ILogger logger)
    {
        (_reader, _owners, _clock, _readLease, _logger) = (reader, owners, clock, readLease, logger);
        _due = new SqliteStatement(
            connection, "SELECT version, due, manifest FROM dead_versions WHERE due <= ?1 ORDER BY due, version LIMIT ?2");
        _done = new SqliteStatement(connection, "DELETE FROM dead_versions WHERE version = ?1");
        _aside = new SqliteStatement(connection, "UPDATE dead_versions SET due = ?1 WHERE version = ?2");
        _lastPage = new SqliteStatement(connection, "SELECT max(page) FROM manifest_pages WHERE version = ?1");
        _removePage = new SqliteStatement(connection, "DELETE FROM manifest_pages WHERE version = ?1 AND page = ?2");
        _postpone = new SqliteStatement(
            connection, "UPDATE dead_versions SET due = ?1 WHERE version = ?2 AND due < ?1");
        _addLease = new SqliteStatement(connection, "INSERT OR REPLACE INTO leases (version, until) VALUES (?1, ?2)");
    }

    /// <summary>Renews the lease on a version; true when something had to be written.</summary>
    /// <exception cref="BigFsException">VersionExpired.</exception>
    public bool Renew(long version)
    {
        long now = _clock.Now();
        SqliteVersionPlace place = RequireLeased(_reader.Versions.Locate(version), version, now);
        if (place.Path is not null)
        {
            return false;
        }

        long until = now + _readLease.Ticks;
        _ = place.IsInDeadTree ? _addLease.Bind(version, until).Run() : _postpone.Bind(until, version).Run();
        return true;
    }

    /// <summary>The version, when it stands or its lease lasts.</summary>
    /// <exception cref="BigFsException">VersionExpired.</exception>
    public static SqliteVersionPlace RequireLeased(SqliteVersionPlace? place, long version, long now) =>
        place is { Path: not null } || place?.Due > now
            ? place
            : throw MetadataErrors.VersionExpired(new BigFsVersion((ulong)version));

    /// <summary>Turns some versions whose leases have ended into tombstones; false when none was due.</summary>
    public bool Step()
    {
        var due = new List<(long Version, long Due, byte[]? Manifest)>();
        _due.Bind(_clock.Now(), VersionsPerStep);
        while (_due.Step())
        {
            due.Add((_due.Long(0), _due.Long(1), _due.IsNull(2) ? null : _due.Bytes(2).ToArray()));
        }

        int chunks = 0;
        foreach ((long version, long at, byte[]? manifest) in due)
        {
            try
            {
                chunks += manifest is null ? ExpandPage(version, at) : Expand(version, at, ManifestCodec.Decode(manifest));
            }
            catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
            {
                _aside.Bind(Aside, version).Run();
                LogAside(version, exception);
            }

            if (chunks >= ChunksPerStep)
            {
                break;
            }
        }

        return due.Count > 0;
    }

    public void Dispose()
    {
        SqliteStatement[] all = [_due, _done, _aside, _lastPage, _removePage, _postpone, _addLease];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    private int Expand(long version, long due, ImmutableArray<ChunkReference> chunks)
    {
        _owners.Disown(chunks.AsSpan(), version, due);
        CrashPoint.Reach("purge.before-version-goes");
        _done.Bind(version).Run();
        return chunks.Length;
    }

    // The last page first, so that what is left is a manifest still.
    private int ExpandPage(long version, long due)
    {
        if (_lastPage.Bind(version).Single() is not { } page)
        {
            _done.Bind(version).Run();
            return 0;
        }

        ImmutableArray<ChunkReference> chunks = _reader.Page(version, page)!.Value;
        _owners.Disown(chunks.AsSpan(), version, due);
        CrashPoint.Reach("purge.before-page-goes");
        _removePage.Bind(version, page).Run();
        if (page == 0)
        {
            _done.Bind(version).Run();
        }

        return chunks.Length;
    }

    [LoggerMessage(
        EventId = 3222,
        Level = LogLevel.Error,
        Message = "The manifest of the deleted version {Version} cannot be read: it is set aside, and its chunks stay on the datanodes")]
    private partial void LogAside(long version, Exception exception);
}

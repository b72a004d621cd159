using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Fills what the fourth version of the schema adds from the manifests that are stored: each file's number of chunks, and
/// the owners of all chunks. A manifest that cannot be read owns nothing, as nobody can read it either.
/// </summary>
internal static class SqliteOwnerMigration
{
    public static void Fill(SqliteConnection connection)
    {
        using var owner = new SqliteStatement(connection, "INSERT OR IGNORE INTO chunk_owners (key, version) VALUES (?1, ?2)");
        FillShort(connection, owner);
        FillPages(connection, owner);
        using var deleted = new SqliteStatement(
            connection, "INSERT OR IGNORE INTO chunk_owners (key, version) SELECT key, 0 FROM tombstones");
        deleted.Bind().Run();
        using var index = new SqliteStatement(
            connection, "CREATE UNIQUE INDEX files_by_version ON entries (version) WHERE chunks > 0");
        index.Bind().Run();
    }

    // Manifests in the entries' rows.
    private static void FillShort(SqliteConnection connection, SqliteStatement owner)
    {
        using var files = new SqliteStatement(
            connection,
            "SELECT parent, name, version, manifest FROM entries WHERE (parent, name) > (?1, ?2) "
                + "AND version IS NOT NULL AND manifest IS NOT NULL ORDER BY parent, name LIMIT 1000");
        using var count = new SqliteStatement(
            connection, "UPDATE entries SET chunks = ?1 WHERE parent = ?2 AND name = ?3");
        (long Parent, byte[] Name) last = (0, []);
        while (true)
        {
            var batch = new List<(long Parent, byte[] Name, long Version, ImmutableArray<ChunkReference> Chunks)>();
            files.Bind(last.Parent).Blob(2, last.Name);
            while (files.Step())
            {
                batch.Add((files.Long(0), files.Bytes(1).ToArray(), files.Long(2), Decode(files.Bytes(3))));
            }

            if (batch.Count == 0)
            {
                return;
            }

            foreach ((long parent, byte[] name, long version, ImmutableArray<ChunkReference> chunks) in batch)
            {
                Own(owner, version, chunks);
                count.Bind(chunks.Length, parent).Blob(3, name).Run();
                last = (parent, name);
            }
        }
    }

    // Manifests in pages, of files and of versions that are being cleared away.
    private static void FillPages(SqliteConnection connection, SqliteStatement owner)
    {
        var totals = new Dictionary<long, long>();
        using (var pages = new SqliteStatement(connection, "SELECT version, chunks FROM manifest_pages"))
        {
            pages.Bind();
            while (pages.Step())
            {
                long version = pages.Long(0);
                ImmutableArray<ChunkReference> chunks = Decode(pages.Bytes(1));
                Own(owner, version, chunks);
                totals[version] = totals.GetValueOrDefault(version) + chunks.Length;
            }
        }

        using var files = new SqliteStatement(
            connection, "SELECT parent, name, version FROM entries WHERE version IS NOT NULL AND manifest IS NULL");
        using var count = new SqliteStatement(
            connection, "UPDATE entries SET chunks = ?1 WHERE parent = ?2 AND name = ?3");
        var paged = new List<(long Parent, byte[] Name, long Version)>();
        files.Bind();
        while (files.Step())
        {
            paged.Add((files.Long(0), files.Bytes(1).ToArray(), files.Long(2)));
        }

        foreach ((long parent, byte[] name, long version) in paged)
        {
            count.Bind(totals.GetValueOrDefault(version), parent).Blob(3, name).Run();
        }
    }

    private static void Own(SqliteStatement owner, long version, ImmutableArray<ChunkReference> chunks)
    {
        foreach (ChunkReference chunk in chunks)
        {
            owner.Bind((long)chunk.Key.Value, version).Run();
        }
    }

    private static ImmutableArray<ChunkReference> Decode(ReadOnlySpan<byte> manifest)
    {
        try
        {
            return ManifestCodec.Decode(manifest);
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.DataUnreadable)
        {
            // Set aside where it is cleared away, refused where it is read: as before.
            return [];
        }
    }
}

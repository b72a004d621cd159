using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using BigFs.Core.Faults;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>Changes entries, manifests and tombstones on the writing connection, inside the writer's transaction.</summary>
internal sealed class SqliteEntryWriter : IDisposable
{
    /// <summary>Manifests of up to so many references stand in the entry's row.</summary>
    public const int InlineReferences = 64;

    /// <summary>References of one page of a longer manifest.</summary>
    public const int PageReferences = 1024;

    private readonly SqliteEntryReader _reader;
    private readonly SqliteStatement _addDirectory, _knowsDirectory, _putFile, _remove, _move, _addPage, _addContent, _removeContent;
    private readonly SqliteStatement _addTombstone, _addDeadManifest, _addDeadDirectory;

    public SqliteEntryWriter(SqliteConnection connection, SqliteEntryReader reader)
    {
        _reader = reader;
        _addDirectory = new SqliteStatement(
            connection, "INSERT INTO entries (parent, id, created, modified, name) VALUES (?1, ?2, ?3, ?3, ?4)");
        _knowsDirectory = new SqliteStatement(
            connection,
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM entries WHERE id = ?1) "
                + "OR EXISTS (SELECT 1 FROM dead_directories WHERE id = ?1)");
        _putFile = new SqliteStatement(
            connection,
            "INSERT OR REPLACE INTO entries (parent, created, modified, version, size, crc, replicas, name, notes, manifest, "
                + "content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
        _remove = new SqliteStatement(connection, "DELETE FROM entries WHERE parent = ?1 AND name = ?2");
        _move = new SqliteStatement(
            connection, "UPDATE entries SET parent = ?1, name = ?3 WHERE parent = ?2 AND name = ?4");
        _addPage = new SqliteStatement(
            connection, "INSERT INTO manifest_pages (version, page, chunks) VALUES (?1, ?2, ?3)");
        _addContent = new SqliteStatement(connection, "INSERT INTO contents (bytes) VALUES (?1) RETURNING id");
        _removeContent = new SqliteStatement(connection, "DELETE FROM contents WHERE id = ?1");
        _addTombstone = new SqliteStatement(
            connection, "INSERT INTO tombstones (due, volume, key) VALUES (?1, ?2, ?3)");
        _addDeadManifest = new SqliteStatement(connection, "INSERT INTO dead_manifests (version, due) VALUES (?1, ?2)");
        _addDeadDirectory = new SqliteStatement(connection, "INSERT INTO dead_directories (id, due) VALUES (?1, ?2)");
    }

    /// <summary>A number that was never a version; 0 is none.</summary>
    public static long NewVersion()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        long version;
        do
        {
            RandomNumberGenerator.Fill(bytes);
            version = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        }
        while (version == 0);

        return version;
    }

    /// <summary>Makes the root directory, unless it is there.</summary>
    public void EnsureRoot(long now)
    {
        if (_reader.Step(SqliteMetadataSchema.AboveRoot, "", out _) == SqliteEntryReader.Found.Nothing)
        {
            _addDirectory.Bind(SqliteMetadataSchema.AboveRoot, SqliteMetadataSchema.RootId, now).Name(4, "").Run();
        }
    }

    /// <summary>The id of the directory at the path, which is made with its parents where it is missing.</summary>
    /// <exception cref="BigFsException">NotDirectory.</exception>
    public long EnsureDirectory(BigFsPath directory, long now)
    {
        long id = SqliteMetadataSchema.RootId;
        BigFsPath reached = BigFsPath.Root;
        foreach (string name in directory.Segments)
        {
            long parent = id;
            reached /= name;
            switch (_reader.Step(parent, name, out id))
            {
                case SqliteEntryReader.Found.File:
                    throw MetadataErrors.NotDirectory(directory, reached);
                case SqliteEntryReader.Found.Nothing:
                    id = NewDirectoryId();
                    _addDirectory.Bind(parent, id, now).Name(4, name).Run();
                    break;
                default:
                    break;
            }
        }

        return id;
    }

    /// <summary>Writes a file's row, in the place of an older one, and its manifest, and its content unless that is empty.</summary>
    public void PutFile(SqliteEntryRow row, ImmutableArray<ChunkReference> manifest, ReadOnlySpan<byte> content = default)
    {
        long? contentId = content.IsEmpty ? null : _addContent.Bind().Blob(1, content).Single();
        bool inline = manifest.Length <= InlineReferences;
        _putFile.Bind(row.Parent, row.Created, row.Modified, row.Version, row.Size, row.Crc, row.Replicas).Name(8, row.Name);
        _ = row.Notes is null ? _putFile.Null(9) : _putFile.Blob(9, row.Notes);
        _ = inline ? _putFile.Blob(10, ManifestCodec.Encode(manifest.AsSpan())) : _putFile.Null(10);
        _putFile.Integer(11, contentId);
        _putFile.Run();
        if (!inline)
        {
            CrashPoint.Reach("commit.before-pages");
            AddPages(row.Version, manifest);
        }
    }

    /// <summary>Takes an entry's row away; what belongs to it is the caller's to bury.</summary>
    public void Remove(SqliteEntryRow row) => _remove.Bind(row.Parent).Name(2, row.Name).Run();

    /// <summary>Gives an entry another place.</summary>
    public void Move(SqliteEntryRow row, long parent, string name) =>
        _move.Bind(parent, row.Parent).Name(3, name).Name(4, row.Name).Run();

    /// <summary>
    /// Turns a version's chunks into tombstones, and removes a content that the metadata hold (who reads it has it); those of a paged manifest by one note that <see cref="SqlitePurge"/>
    /// works off, so that this stays short. The row must have been read with its manifest.
    /// </summary>
    /// <returns>Whether there is something to work off.</returns>
    public bool BuryFile(SqliteEntryRow row, long due)
    {
        if (row.Content is { } content)
        {
            _removeContent.Bind(content).Run();
        }

        if (row.Manifest is null)
        {
            _addDeadManifest.Bind(row.Version, due).Run();
            return true;
        }

        AddTombstones(ManifestCodec.Decode(row.Manifest), due);
        return false;
    }

    /// <summary>As <see cref="BuryFile"/>, for chunks of a file that never came to be.</summary>
    public bool BuryChunks(ImmutableArray<ChunkReference> chunks, long due)
    {
        if (chunks.Length <= InlineReferences)
        {
            AddTombstones(chunks, due);
            return false;
        }

        long version = NewVersion();
        AddPages(version, chunks);
        _addDeadManifest.Bind(version, due).Run();
        return true;
    }

    /// <summary>Notes a directory that is out of sight, whose entries still have to go.</summary>
    public void BuryDirectory(long id, long due) => _addDeadDirectory.Bind(id, due).Run();

    /// <summary>A tombstone a chunk.</summary>
    public void AddTombstones(ImmutableArray<ChunkReference> chunks, long due)
    {
        foreach (ChunkReference chunk in Canary.SkipTombstones ? [] : chunks)
        {
            _addTombstone.Bind(due, chunk.Volume.Value, (long)chunk.Key.Value).Run();
        }
    }

    public void Dispose()
    {
        SqliteStatement[] all =
        [
            _addDirectory, _knowsDirectory, _putFile, _remove, _move, _addPage, _addContent, _removeContent, _addTombstone,
            _addDeadManifest, _addDeadDirectory,
        ];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    // Positive, not sequential, above the root's; not the id of a directory whose entries are still being removed.
    private long NewDirectoryId()
    {
        long id;
        do
        {
            id = NewVersion() & long.MaxValue;
        }
        while (id <= SqliteMetadataSchema.RootId || _knowsDirectory.Bind(id).Single() is not null);

        return id;
    }

    private void AddPages(long version, ImmutableArray<ChunkReference> manifest)
    {
        for (int page = 0; page * PageReferences < manifest.Length; page++)
        {
            int start = page * PageReferences;
            ReadOnlySpan<ChunkReference> references = manifest.AsSpan(start, Math.Min(PageReferences, manifest.Length - start));
            _addPage.Bind(version, page).Blob(3, ManifestCodec.Encode(references)).Run();
        }
    }
}

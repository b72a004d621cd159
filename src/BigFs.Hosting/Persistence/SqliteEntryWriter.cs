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
    public const int PageReferences = Limits.ManifestPageChunks;

    private const string FileColumns =
        " INTO entries (parent, created, modified, version, size, crc, replicas, name, notes, manifest, content, chunks) "
            + "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

    private readonly SqliteEntryReader _reader;
    private readonly SqliteVersions _versions;
    private readonly SqliteChunkOwners _owners;
    private readonly SqliteDirectoryMemory _directories;
    private readonly SqliteStatement _addDirectory, _knowsDirectory, _putFile, _addFile, _remove, _move, _addPage, _addContent, _removeContent;
    private readonly SqliteStatement _addDeadVersion, _addDeadDirectory;

    public SqliteEntryWriter(
        SqliteConnection connection,
        SqliteEntryReader reader,
        SqliteVersions versions,
        SqliteChunkOwners owners,
        SqliteDirectoryMemory directories)
    {
        (_reader, _versions, _owners, _directories) = (reader, versions, owners, directories);
        _addDirectory = new SqliteStatement(
            connection, "INSERT INTO entries (parent, id, created, modified, name) VALUES (?1, ?2, ?3, ?3, ?4)");
        _knowsDirectory = new SqliteStatement(
            connection,
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM entries WHERE id = ?1) "
                + "OR EXISTS (SELECT 1 FROM dead_directories WHERE id = ?1)");
        _putFile = new SqliteStatement(
            connection,
            "INSERT OR REPLACE" + FileColumns);
        _addFile = new SqliteStatement(connection, "INSERT" + FileColumns + " ON CONFLICT (parent, name) DO NOTHING");
        _remove = new SqliteStatement(connection, "DELETE FROM entries WHERE parent = ?1 AND name = ?2");
        _move = new SqliteStatement(
            connection, "UPDATE entries SET parent = ?1, name = ?3 WHERE parent = ?2 AND name = ?4");
        _addPage = new SqliteStatement(
            connection, "INSERT INTO manifest_pages (version, page, chunks) VALUES (?1, ?2, ?3)");
        _addContent = new SqliteStatement(connection, "INSERT INTO contents (bytes) VALUES (?1) RETURNING id");
        _removeContent = new SqliteStatement(connection, "DELETE FROM contents WHERE id = ?1");
        _addDeadVersion = new SqliteStatement(
            connection, "INSERT INTO dead_versions (version, due, chunks, manifest) VALUES (?1, ?2, ?3, ?4)");
        _addDeadDirectory = new SqliteStatement(connection, "INSERT INTO dead_directories (id, due, job) VALUES (?1, ?2, ?3)");
    }

    /// <summary>A number that was never a version; 0 is none.</summary>
    public long NewVersion() => _versions.Next();

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

    /// <summary>
    /// Writes a file's row, in the place of an older one, and its manifest, and its content unless that is empty.
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="manifest">The references, those after the staged ones.</param>
    /// <param name="content">The content that the metadata hold.</param>
    /// <param name="staged">How many references stand in pages under the row's version already.</param>
    /// <exception cref="BigFsException">ChunkDeleted.</exception>
    public void PutFile(
        SqliteEntryRow row, ImmutableArray<ChunkReference> manifest, ReadOnlySpan<byte> content = default, int staged = 0)
    {
        long? contentId = content.IsEmpty ? null : _addContent.Bind().Blob(1, content).Single();
        bool inline = staged == 0 && manifest.Length <= InlineReferences;
        RunFile(_putFile, row, inline ? ManifestCodec.Encode(manifest.AsSpan()) : null, contentId, staged + manifest.Length);
        _owners.Own(manifest.AsSpan(), row.Version);
        if (!inline)
        {
            CrashPoint.Reach("commit.before-pages");
            AddPages(row.Version, manifest, staged / PageReferences);
        }
    }

    /// <summary>
    /// Writes the row of a file with a short manifest where nothing stands; false, and nothing is changed, when something does.
    /// <see cref="Own"/> follows.
    /// </summary>
    public bool TryAddFile(SqliteEntryRow row, ImmutableArray<ChunkReference> manifest) =>
        RunFile(_addFile, row, ManifestCodec.Encode(manifest.AsSpan()), null, manifest.Length) == 1;

    /// <summary>Makes a version the owner of its chunks.</summary>
    /// <exception cref="BigFsException">ChunkDeleted.</exception>
    public void Own(SqliteEntryRow row, ImmutableArray<ChunkReference> manifest) => _owners.Own(manifest.AsSpan(), row.Version);

    /// <summary>Adds a page to a manifest whose entry comes later.</summary>
    /// <exception cref="BigFsException">ChunkDeleted.</exception>
    public void Stage(long version, int first, ImmutableArray<ChunkReference> chunks)
    {
        _owners.Own(chunks.AsSpan(), version);
        AddPages(version, chunks, first / PageReferences);
    }

    /// <summary>Takes an entry's row away; what belongs to it is the caller's to bury.</summary>
    public void Remove(SqliteEntryRow row)
    {
        ForgetIfDirectory(row);
        _remove.Bind(row.Parent).Name(2, row.Name).Run();
    }

    /// <summary>Gives an entry another place.</summary>
    public void Move(SqliteEntryRow row, long parent, string name)
    {
        ForgetIfDirectory(row);
        _move.Bind(parent, row.Parent).Name(3, name).Name(4, row.Name).Run();
    }

    /// <summary>
    /// Notes a version that is out of sight: one row, however many chunks it has, which <see cref="SqliteDeadVersions"/>
    /// works off once it is due. A content that the metadata hold goes at once (who reads it has it). The row must have
    /// been read with its manifest.
    /// </summary>
    public void BuryFile(SqliteEntryRow row, long due)
    {
        if (row.Content is { } content)
        {
            _removeContent.Bind(content).Run();
        }

        if (row.Chunks > 0)
        {
            BuryVersion(row.Version, due, row.Chunks, row.Manifest);
        }
    }

    /// <summary>As <see cref="BuryFile"/>, for a version whose manifest is at hand, or in pages (null).</summary>
    public void BuryVersion(long version, long due, int chunks, byte[]? manifest)
    {
        _addDeadVersion.Bind(version, due, chunks);
        _ = manifest is null ? _addDeadVersion.Null(4) : _addDeadVersion.Blob(4, manifest);
        _addDeadVersion.Run();
    }

    /// <summary>Chunks of a file that never came to be: those that no file owns become tombstones.</summary>
    public void BuryChunks(ImmutableArray<ChunkReference> chunks, long due)
    {
        if (chunks.Length <= InlineReferences)
        {
            _owners.Disown(chunks.AsSpan(), 0, due);
            return;
        }

        long version = NewVersion();
        AddPages(version, chunks, 0);
        BuryVersion(version, due, chunks.Length, null);
    }

    /// <summary>Notes a directory that is out of sight, whose entries still have to go.</summary>
    /// <param name="id">The directory.</param>
    /// <param name="due">When its files' chunks may go.</param>
    /// <param name="job">The job that clears it away; empty for none.</param>
    public void BuryDirectory(long id, long due, ReadOnlySpan<byte> job)
    {
        _directories.Forget();
        _addDeadDirectory.Bind(id, due);
        _ = job.IsEmpty ? _addDeadDirectory.Null(3) : _addDeadDirectory.Blob(3, job);
        _addDeadDirectory.Run();
    }

    public void Dispose()
    {
        SqliteStatement[] all =
        [
            _addDirectory, _knowsDirectory, _putFile, _addFile, _remove, _move, _addPage, _addContent, _removeContent,
            _addDeadVersion, _addDeadDirectory,
        ];
        foreach (SqliteStatement statement in all)
        {
            statement.Dispose();
        }
    }

    private static int RunFile(SqliteStatement statement, SqliteEntryRow row, byte[]? manifest, long? content, int chunks)
    {
        statement.Bind(row.Parent, row.Created, row.Modified, row.Version, row.Size, row.Crc, row.Replicas).Name(8, row.Name);
        _ = row.Notes is null ? statement.Null(9) : statement.Blob(9, row.Notes);
        _ = manifest is null ? statement.Null(10) : statement.Blob(10, manifest);
        return statement.Integer(11, content).Integer(12, chunks).Run();
    }

    private void ForgetIfDirectory(SqliteEntryRow row)
    {
        if (row.IsDirectory)
        {
            _directories.Forget();
        }
    }

    // Positive, not sequential, above the root's; not the id of a directory whose entries are still being removed.
    private long NewDirectoryId()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        long id;
        do
        {
            RandomNumberGenerator.Fill(bytes);
            id = BinaryPrimitives.ReadInt64LittleEndian(bytes) & long.MaxValue;
        }
        while (id <= SqliteMetadataSchema.RootId || _knowsDirectory.Bind(id).Single() is not null);

        return id;
    }

    private void AddPages(long version, ImmutableArray<ChunkReference> manifest, int firstPage)
    {
        for (int page = 0; page * PageReferences < manifest.Length; page++)
        {
            int start = page * PageReferences;
            ReadOnlySpan<ChunkReference> references = manifest.AsSpan(start, Math.Min(PageReferences, manifest.Length - start));
            _addPage.Bind(version, firstPage + page).Blob(3, ManifestCodec.Encode(references)).Run();
        }
    }
}

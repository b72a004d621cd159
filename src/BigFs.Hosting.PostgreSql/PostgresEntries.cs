using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.PostgreSql;

/// <summary>What operations do to entries, manifests and tombstones.</summary>
internal static class PostgresEntries
{
    /// <summary>Manifests of up to so many references stand in the entry's row.</summary>
    public const int InlineReferences = 64;

    /// <summary>References of one page of a longer manifest.</summary>
    public const int PageReferences = 1024;

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
    public static async ValueTask<bool> EnsureRootAsync(PostgresTransaction transaction)
    {
        if (await transaction.EntryAsync(PostgresSchema.AboveRoot, "").ConfigureAwait(false) is not null)
        {
            return false;
        }

        transaction.AddDirectory(Directory(PostgresSchema.AboveRoot, "", PostgresSchema.RootId, transaction.Now));
        return true;
    }

    /// <summary>The id of the directory at the path, which is made with its parents where it is missing.</summary>
    /// <exception cref="BigFsException">NotDirectory.</exception>
    public static async ValueTask<long> EnsureDirectoryAsync(PostgresTransaction transaction, BigFsPath directory)
    {
        long id = PostgresSchema.RootId;
        BigFsPath reached = BigFsPath.Root;
        foreach (string name in directory.Segments)
        {
            reached /= name;
            PostgresEntryRow? there = await transaction.EntryAsync(id, name).ConfigureAwait(false);
            if (there is { IsDirectory: false })
            {
                throw MetadataErrors.NotDirectory(directory, reached);
            }

            if (there is null)
            {
                there = Directory(id, name, NewDirectoryId(), transaction.Now);
                transaction.AddDirectory(there);
            }

            id = there.Id!.Value;
        }

        return id;
    }

    /// <summary>Writes a file's row, in the place of an older one, and its manifest, and its content unless that is empty.</summary>
    public static void PutFile(
        PostgresTransaction transaction,
        PostgresEntryRow row,
        ImmutableArray<ChunkReference> manifest,
        ReadOnlyMemory<byte> content = default)
    {
        bool inline = manifest.Length <= InlineReferences;
        if (!inline)
        {
            AddPages(transaction, row.Version, manifest);
        }

        if (!content.IsEmpty)
        {
            transaction.AddContent(row.Version, content.ToArray());
        }

        transaction.PutEntry(row with
        {
            Manifest = inline ? ManifestCodec.Encode(manifest.AsSpan()) : null,
            Content = !content.IsEmpty,
        });
    }

    /// <summary>
    /// Turns a version's chunks into tombstones, and removes a content that the metadata hold (who reads it has it); those of a
    /// paged manifest by one note that <see cref="PostgresPurge"/> works off, so that this stays short.
    /// </summary>
    /// <returns>Whether there is something to work off.</returns>
    public static bool BuryFile(PostgresTransaction transaction, PostgresEntryRow row, long due)
    {
        if (row.Content)
        {
            transaction.RemoveContent(row.Version);
        }

        if (row.Manifest is null)
        {
            transaction.AddDeadManifest(row.Version, due);
            return true;
        }

        transaction.AddTombstones(ManifestCodec.Decode(row.Manifest), due);
        return false;
    }

    /// <summary>As <see cref="BuryFile"/>, for chunks of a file that never came to be.</summary>
    public static bool BuryChunks(PostgresTransaction transaction, ImmutableArray<ChunkReference> chunks, long due)
    {
        if (chunks.Length <= InlineReferences)
        {
            transaction.AddTombstones(chunks, due);
            return false;
        }

        long version = NewVersion();
        AddPages(transaction, version, chunks);
        transaction.AddDeadManifest(version, due);
        return true;
    }

    /// <summary>Checks that a file may be put where the path leads.</summary>
    /// <exception cref="BigFsException">NotDirectory, IsDirectory, AlreadyExists, NotFound, PreconditionFailed.</exception>
    public static void CheckTarget(BigFsPath path, Precondition precondition, PostgresResolved found)
    {
        if (found.FileAbove is { } file)
        {
            throw MetadataErrors.NotDirectory(path, file);
        }

        if (found.Entry is { IsDirectory: true })
        {
            throw MetadataErrors.IsDirectory(path);
        }

        switch (precondition.Kind)
        {
            case PreconditionKind.Absent when found.Entry is not null:
                throw MetadataErrors.AlreadyExists(path);
            case PreconditionKind.Version when found.Entry is null:
                throw MetadataErrors.NotFound(path);
            case PreconditionKind.Version when found.Entry.FileVersion != precondition.Version:
                throw MetadataErrors.PreconditionFailed(path, precondition.Version, found.Entry.FileVersion);
            default:
                break;
        }
    }

    private static PostgresEntryRow Directory(long parent, string name, long id, long now) => new()
    {
        Parent = parent,
        Name = name,
        Id = id,
        Created = now,
        Modified = now,
    };

    // Positive, not sequential, above the root's. Of 2^63 numbers: that one meets another in use is not to be expected, and
    // the index of ids would refuse it.
    private static long NewDirectoryId()
    {
        long id;
        do
        {
            id = NewVersion() & long.MaxValue;
        }
        while (id <= PostgresSchema.RootId);

        return id;
    }

    private static void AddPages(PostgresTransaction transaction, long version, ImmutableArray<ChunkReference> manifest)
    {
        for (int page = 0; page * PageReferences < manifest.Length; page++)
        {
            int start = page * PageReferences;
            transaction.AddPage(version, page, manifest.AsSpan(start, Math.Min(PageReferences, manifest.Length - start)));
        }
    }
}

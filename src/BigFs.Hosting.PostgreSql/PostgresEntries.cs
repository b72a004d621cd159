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
    public const int PageReferences = Limits.ManifestPageChunks;

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

    /// <summary>
    /// Writes a file's row, in the place of an older one, and its manifest, and its content unless that is empty.
    /// </summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="row">The row.</param>
    /// <param name="manifest">The references, those after the staged ones.</param>
    /// <param name="content">The content that the metadata hold.</param>
    /// <param name="staged">How many references stand in pages under the row's version already.</param>
    /// <exception cref="BigFsException">ChunkDeleted.</exception>
    public static async ValueTask PutFileAsync(
        PostgresTransaction transaction,
        PostgresEntryRow row,
        ImmutableArray<ChunkReference> manifest,
        ReadOnlyMemory<byte> content = default,
        int staged = 0)
    {
        bool inline = staged == 0 && manifest.Length <= InlineReferences;
        if (!content.IsEmpty)
        {
            transaction.AddContent(row.Version, content.ToArray());
        }

        transaction.PutEntry(row with
        {
            Chunks = staged + manifest.Length,
            Manifest = inline ? ManifestCodec.Encode(manifest.AsSpan()) : null,
            Content = !content.IsEmpty,
        });
        await transaction.OwnAsync(manifest, row.Version).ConfigureAwait(false);
        if (!inline)
        {
            AddPages(transaction, row.Version, manifest, staged / PageReferences);
        }
    }

    /// <summary>Adds a page to a manifest whose entry comes later.</summary>
    /// <exception cref="BigFsException">ChunkDeleted.</exception>
    public static async ValueTask StageAsync(
        PostgresTransaction transaction, long version, int first, ImmutableArray<ChunkReference> chunks)
    {
        await transaction.OwnAsync(chunks, version).ConfigureAwait(false);
        AddPages(transaction, version, chunks, first / PageReferences);
    }

    /// <summary>
    /// Notes a version that is out of sight. A content that the metadata hold goes at once (who reads it has it).
    /// </summary>
    public static void BuryFile(PostgresTransaction transaction, PostgresEntryRow row, long due)
    {
        if (row.Content)
        {
            transaction.RemoveContent(row.Version);
        }

        if (row.Chunks > 0)
        {
            transaction.AddDeadVersion(row.Version, due, row.Chunks, row.Manifest);
        }
    }

    /// <summary>Chunks of a file that never came to be: those that no file owns become tombstones.</summary>
    public static async ValueTask BuryChunksAsync(
        PostgresTransaction transaction, ImmutableArray<ChunkReference> chunks, long due)
    {
        if (chunks.Length <= InlineReferences)
        {
            await transaction.DisownAsync(chunks, 0, due).ConfigureAwait(false);
            return;
        }

        long version = transaction.NewVersion();
        AddPages(transaction, version, chunks, 0);
        transaction.AddDeadVersion(version, due, chunks.Length, null);
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
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        long id;
        do
        {
            RandomNumberGenerator.Fill(bytes);
            id = BinaryPrimitives.ReadInt64LittleEndian(bytes) & long.MaxValue;
        }
        while (id <= PostgresSchema.RootId);

        return id;
    }

    private static void AddPages(
        PostgresTransaction transaction, long version, ImmutableArray<ChunkReference> manifest, int firstPage)
    {
        for (int page = 0; page * PageReferences < manifest.Length; page++)
        {
            int start = page * PageReferences;
            ReadOnlySpan<ChunkReference> references = manifest.AsSpan(start, Math.Min(PageReferences, manifest.Length - start));
            transaction.AddPage(version, firstPage + page, references);
        }
    }
}

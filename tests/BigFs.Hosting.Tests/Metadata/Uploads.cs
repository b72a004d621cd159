using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>Short forms of what tests ask of a namespace.</summary>
internal static class Uploads
{
    public static readonly CancellationToken None = CancellationToken.None;

    /// <summary>A chunk of 100 bytes in volume 1 with this key.</summary>
    public static ChunkReference Chunk(ulong key, int length = 100, long volume = 1) =>
        new(new VolumeId(volume), new ChunkKey(key), length, (uint)(key * 7));

    public static ImmutableArray<ChunkReference> Chunks(ulong first, int count) =>
        [.. Enumerable.Range(0, count).Select(i => Chunk(first + (ulong)i))];

    public static Precondition Absent => new(PreconditionKind.Absent, default);

    public static Precondition VersionIs(BigFsVersion version) => new(PreconditionKind.Version, version);

    public static ValueTask<UploadSession> BeginAsync(
        this IMetadataStore store, BigFsPath path, Precondition precondition = default, int replicas = 0) =>
        store.BeginUploadAsync(
            new BeginUploadRequest
            {
                Operation = Guid.NewGuid(),
                Path = path,
                Precondition = precondition,
                Replicas = replicas,
            },
            None);

    public static CommitUploadRequest Commit(Guid session, params ImmutableArray<ChunkReference> chunks) => new()
    {
        Operation = Guid.NewGuid(),
        Session = session,
        Size = chunks.Sum(chunk => (long)chunk.Length),
        Crc32C = 0xC0FFEE,
        Manifest = chunks,
    };

    public static ValueTask<BigFsFile> CommitAsync(
        this IMetadataStore store, Guid session, params ImmutableArray<ChunkReference> chunks) =>
        store.CommitUploadAsync(Commit(session, chunks), None);

    /// <summary>Begins and commits.</summary>
    public static async Task<BigFsFile> PutAsync(
        this IMetadataStore store, BigFsPath path, params ImmutableArray<ChunkReference> chunks)
    {
        UploadSession session = await store.BeginAsync(path);
        return await store.CommitAsync(session.Id, chunks);
    }

    public static ValueTask<MetadataEntry?> FindAsync(this IMetadataStore store, BigFsPath path) =>
        store.FindAsync(path, withManifest: true, None);

    /// <summary>The whole manifest of a file, part by part.</summary>
    public static async Task<ImmutableArray<ChunkReference>> ManifestAsync(this IMetadataStore store, BigFsPath path)
    {
        MetadataEntry found = (await store.FindAsync(path))!;
        List<ChunkReference> chunks = [.. found.Manifest];
        while (chunks.Count < found.Chunks)
        {
            var request = new ManifestRequest { Version = ((BigFsFile)found.Entry).Version, First = chunks.Count };
            chunks.AddRange((await store.ReadManifestAsync(request, None)).Chunks);
        }

        return [.. chunks];
    }

    public static ValueTask MakeDirectoryAsync(this IMetadataStore store, BigFsPath path) =>
        store.CreateDirectoryAsync(Guid.NewGuid(), path, None);

    public static ValueTask<bool> DeleteAsync(
        this IMetadataStore store, BigFsPath path, bool recursive = false, BigFsVersion? version = null) =>
        store.DeleteAsync(
            new DeleteRequest { Operation = Guid.NewGuid(), Path = path, Recursive = recursive, Version = version }, None);

    public static ValueTask<BigFsEntry> MoveAsync(
        this IMetadataStore store, BigFsPath source, BigFsPath destination, bool overwrite = false) =>
        store.MoveAsync(
            new MoveRequest
            {
                Operation = Guid.NewGuid(),
                Source = source,
                Destination = destination,
                Overwrite = overwrite,
            },
            None);

    public static async Task<string[]> NamesAsync(
        this IMetadataStore store, BigFsPath directory, string after = "", string prefix = "", int limit = 1000)
    {
        MetadataPage page = await store.ListAsync(
            new MetadataListRequest { Directory = directory, After = after, Prefix = prefix, Limit = limit }, None);
        return [.. page.Entries.Select(entry => entry.Path.Name)];
    }

    /// <summary>The keys of the tombstones that are due, in order of their keys.</summary>
    public static async Task<ulong[]> DueKeysAsync(this ITombstoneQueue queue) =>
        [.. (await queue.DueTombstonesAsync(100_000, None)).Select(tombstone => tombstone.Key.Value).Order()];

    /// <summary>Waits until something holds, 20 seconds at most.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await condition())
        {
            if (deadline.IsCancellationRequested)
            {
                throw new TimeoutException($"Not within 20 seconds: {what}.");
            }

            await Task.Delay(1);
        }
    }
}

using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Internal.Download;

/// <summary>
/// One version of a file, opened for reading ranges of it, by many at once. It holds its manifest and no connection, and
/// renews no lease: who reads for long renews it. Thread-safe.
/// </summary>
internal sealed class PinnedFile
{
    private readonly ChunkReader _reader;

    private PinnedFile(ChunkReader reader) => _reader = reader;

    /// <summary>The version; of one that stands nowhere any more only path, version, size and checksum are known.</summary>
    public BigFsFile File => _reader.Map.File;

    /// <summary>Memory that it takes, in bytes, about.</summary>
    public long Weight => 1024 + (64L * _reader.Map.Count) + _reader.Map.Inline.Length;

    /// <summary>Opens the version that stands at the path, or the one that is named.</summary>
    /// <param name="context">The client.</param>
    /// <param name="path">The path.</param>
    /// <param name="version">Null for the one that stands there.</param>
    /// <param name="maxStaleness">How old the answer may be when no version is named.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <exception cref="BigFsException">NotFound, IsDirectory, VersionExpired, Damaged, Unavailable, TimedOut.</exception>
    public static async Task<PinnedFile> OpenAsync(
        ClientContext context, BigFsPath path, BigFsVersion? version, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        if (version is not { } wanted)
        {
            return new PinnedFile(await ChunkReader.OpenAsync(
                context, path, new DownloadOptions { MaxStaleness = maxStaleness }, cancellationToken).ConfigureAwait(false));
        }

        OpenedFile? standing = await FindAsync(context, path, cancellationToken).ConfigureAwait(false);
        OpenedFile opened = standing is not null && standing.File.Version == wanted
            ? await ChunkReader.WholeAsync(context, standing, cancellationToken).ConfigureAwait(false)
            : await ReplacedAsync(context, path, wanted, cancellationToken).ConfigureAwait(false);
        return new PinnedFile(new ChunkReader(context, opened));
    }

    /// <summary>How many bytes a piece may have that begins here: to the end of its chunk.</summary>
    public long LeftInChunk(long position)
    {
        int index = _reader.Map.IndexOf(position);
        return _reader.Map.StartOf(index) + _reader.Map[index].Length - position;
    }

    /// <summary>Fills the destination with verified bytes; they must lie in one chunk. Returns their checksum.</summary>
    /// <exception cref="BigFsException">Damaged, VersionExpired, Unavailable, TimedOut.</exception>
    public ValueTask<uint> ReadAsync(long position, Memory<byte> destination, CancellationToken cancellationToken)
    {
        int index = _reader.Map.IndexOf(position);
        return _reader.ReadAsync(index, (int)(position - _reader.Map.StartOf(index)), destination, cancellationToken);
    }

    private static async Task<OpenedFile?> FindAsync(ClientContext context, BigFsPath path, CancellationToken cancellationToken)
    {
        try
        {
            return await context.Control.RunAsync(
                path, (server, token) => server.OpenAsync(path, token), cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException exception) when (exception.Code is BigFsErrorCode.IsDirectory or BigFsErrorCode.NotDirectory)
        {
            // Something else stands there by now; the version may be readable all the same.
            return null;
        }
    }

    /// <summary>A version that was replaced, moved or deleted and is still kept: its manifest says what it was.</summary>
    private static async Task<OpenedFile> ReplacedAsync(
        ClientContext context, BigFsPath path, BigFsVersion version, CancellationToken cancellationToken)
    {
        ImmutableArray<ChunkReference>.Builder chunks = ImmutableArray.CreateBuilder<ChunkReference>();
        int total;
        do
        {
            var request = new ManifestRequest { Version = version, First = chunks.Count };
            ManifestPage page = await context.Control.RunAsync(
                path, (server, token) => server.ReadManifestAsync(request, token), cancellationToken).ConfigureAwait(false);
            chunks.AddRange(page.Chunks);
            total = page.Chunks.IsEmpty ? chunks.Count : page.Total;
        }
        while (chunks.Count < total);

        uint crc32C = 0;
        long size = 0;
        foreach (ChunkReference chunk in chunks)
        {
            crc32C = Crc32C.Combine(crc32C, chunk.Crc32C, chunk.Length);
            size += chunk.Length;
        }

        return new OpenedFile
        {
            File = new BigFsFile { Path = path, Version = version, Size = size, Crc32C = crc32C },
            Manifest = chunks.DrainToImmutable(),
            Locations = [],
        };
    }
}

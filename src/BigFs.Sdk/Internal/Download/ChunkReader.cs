using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using BigFs.Core.Chunking;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Internal.Gateway;

namespace BigFs.Internal.Download;

/// <summary>
/// Reads ranges of one file version's chunks: the replicas in turn, then again where a fresh map says they are, until the
/// stall time-out has passed since the first failure. Thread-safe.
/// </summary>
internal sealed class ChunkReader
{
    private readonly ClientContext _context;
    private readonly ConcurrentDictionary<VolumeId, VolumeLocation> _locations;
    private readonly uint _first;
    private readonly TimeSpan _lease;

    /// <summary>Makes a reader of an opened file.</summary>
    public ChunkReader(ClientContext context, OpenedFile opened)
    {
        _context = context;
        _first = context.NextReader();
        Map = new FileMap(opened);
        _lease = Map.Inline.IsEmpty && Map.Count > 0 ? opened.Lease : TimeSpan.Zero;
        _locations = new ConcurrentDictionary<VolumeId, VolumeLocation>(
            opened.Locations.IsDefault ? [] : opened.Locations.Select(place => KeyValuePair.Create(place.Volume, place)));
    }

    /// <summary>The file's chunks.</summary>
    public FileMap Map { get; }

    /// <summary>The client's large buffers.</summary>
    public LargeBuffers LargeBuffers => _context.LargeBuffers;

    /// <summary>
    /// Whether the bytes come through a gateway, which has proven each against the writer's checksums: then the whole's is to
    /// be proven here.
    /// </summary>
    public bool ProvesWhole => _context.Gateway is not null;

    /// <summary>Opens the version that stands at the path now, or stood there not longer ago than the options allow.</summary>
    /// <exception cref="BigFsException">NotFound, IsDirectory, Damaged (the manifest), Unavailable, TimedOut.</exception>
    public static async Task<ChunkReader> OpenAsync(
        ClientContext context, BigFsPath path, DownloadOptions options, CancellationToken cancellationToken)
    {
        if (TryRemember(context, path, options, out OpenedFile? known))
        {
            return await OpenAgainAsync(context, known, cancellationToken).ConfigureAwait(false);
        }

        TimeSpan maxStaleness = options.MaxStaleness;
        OpenedFile? opened = await context.Control.RunAsync(
            path,
            (server, token) => maxStaleness > TimeSpan.Zero
                ? server.OpenStaleAsync(path, maxStaleness, token)
                : server.OpenAsync(path, token),
            cancellationToken).ConfigureAwait(false);
        return await NewAsync(context, path, opened, isOfNow: maxStaleness == TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Whether the client opened the file before, and may ask whether it is still that; what stands there now holds only after
    /// <see cref="OpenAgainAsync"/>.
    /// </summary>
    public static bool TryRemember(
        ClientContext context, BigFsPath path, DownloadOptions options, [NotNullWhen(true)] out OpenedFile? known)
    {
        OptionChecks.CheckStaleness(path, options.MaxStaleness);
        known = null;
        return options.MaxStaleness == TimeSpan.Zero && context.Gateway is null && context.Opened.TryGet(path, out known);
    }

    /// <summary>Opens what stands at the path now; the same file when that is what was opened before.</summary>
    /// <exception cref="BigFsException">As <see cref="OpenAsync"/>.</exception>
    public static async Task<ChunkReader> OpenAgainAsync(
        ClientContext context, OpenedFile known, CancellationToken cancellationToken)
    {
        BigFsPath path = known.File.Path;
        KnownFile asked = KnownFile.Of(known)!;
        OpenedChange? change = await context.Control.RunAsync(
            path, (server, token) => server.OpenChangedAsync(path, asked, token), cancellationToken).ConfigureAwait(false);
        return change is null
            ? new ChunkReader(context, known)
            : await NewAsync(context, path, change.Found, isOfNow: true, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<ChunkReader> NewAsync(
        ClientContext context, BigFsPath path, OpenedFile? opened, bool isOfNow, CancellationToken cancellationToken)
    {
        if (opened is null)
        {
            context.Opened.Forget(path);
            throw new BigFsException(BigFsErrorCode.NotFound, $"There is no file \"{path}\".") { Path = path.ToString() };
        }

        var reader = new ChunkReader(context, await WholeAsync(context, opened, cancellationToken).ConfigureAwait(false));
        if (isOfNow && context.Gateway is null)
        {
            // Its manifest is known to be whole now.
            context.Opened.Put(opened);
        }

        return reader;
    }

    /// <summary>The file with all of its manifest: of a long one the rest is read part by part.</summary>
    internal static async Task<OpenedFile> WholeAsync(ClientContext context, OpenedFile opened, CancellationToken cancellationToken)
    {
        if (opened.Chunks <= opened.Manifest.Length)
        {
            return opened;
        }

        ImmutableArray<ChunkReference>.Builder chunks = ImmutableArray.CreateBuilder<ChunkReference>(opened.Chunks);
        chunks.AddRange(opened.Manifest);
        while (chunks.Count < opened.Chunks)
        {
            var request = new ManifestRequest { Version = opened.File.Version, First = chunks.Count };
            ManifestPage page = await context.Control.RunAsync(
                opened.File.Path, (server, token) => server.ReadManifestAsync(request, token), cancellationToken).ConfigureAwait(false);
            if (page.Chunks.IsEmpty)
            {
                break;
            }

            chunks.AddRange(page.Chunks);
        }

        return opened with { Manifest = chunks.DrainToImmutable() };
    }

    /// <summary>Keeps the version readable for an owner, who disposes of it.</summary>
    public ReadLease KeepFor(object owner) => new(_context, Map.File, _lease, owner);

    /// <summary>Fills the destination with verified bytes of a chunk; returns their checksum.</summary>
    /// <exception cref="BigFsException">Damaged, VersionExpired, Unavailable, TimedOut.</exception>
    public async ValueTask<uint> ReadAsync(int index, int offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ChunkReference chunk = Map[index];
        if (!Map.Inline.IsEmpty)
        {
            Map.Inline.Slice(offset, destination.Length).CopyTo(destination);
            return Crc32C.Compute(destination.Span);
        }

        if (ProvesWhole)
        {
            return await GatewayRange.ReadAsync(
                _context, Map.File, Map.StartOf(index) + offset, destination, cancellationToken).ConfigureAwait(false);
        }

        var round = new ReadRound(_context, Map.File.Path, chunk);
        var backOff = new BackOff(_context.Time, _context.Settings.StallTimeout);
        bool refreshed = false;
        while (true)
        {
            (ImmutableArray<NodeAddress> members, ImmutableArray<byte> capability) =
                _locations.TryGetValue(chunk.Volume, out VolumeLocation? location)
                    ? (location.Members, location.Capability)
                    : ([], []);
            if (await round.TryAllAsync(InOrder(members, index), capability, offset, destination, cancellationToken).ConfigureAwait(false) is { } crc32C)
            {
                return crc32C;
            }

            if (refreshed && round.IsFinal)
            {
                throw await FinalAsync(round, chunk, cancellationToken).ConfigureAwait(false);
            }

            // The first refresh follows at once: a volume that has moved is the likeliest reason, or a capability that has
            // expired in a long download.
            if (!await backOff.WaitAsync(elsewhere: true, cancellationToken).ConfigureAwait(false))
            {
                throw round.GaveUp(backOff);
            }

            refreshed = await RefreshAsync(chunk.Volume, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The members in a ring, each chunk and each reader beginning with another one so that all serve, and those that failed
    /// a moment ago last.
    /// </summary>
    private IEnumerable<NodeAddress> InOrder(ImmutableArray<NodeAddress> members, int index) =>
        Enumerable.Range(0, members.Length)
            .Select(step => members[(int)((_first + (uint)index + (uint)step) % (uint)members.Length)])
            .OrderBy(node => _context.Penalties.Contains(node.Id));

    private async Task<bool> RefreshAsync(VolumeId volume, CancellationToken cancellationToken)
    {
        try
        {
            ImmutableArray<VolumeLocation> locations = await _context.Control.RunOnceAsync(
                Map.File.Path,
                (server, token) => server.LocateAsync([volume], token),
                cancellationToken).ConfigureAwait(false);
            foreach (VolumeLocation location in locations.Where(place => place.Volume == volume))
            {
                _locations[volume] = location;
                return true;
            }

            return false;
        }
        catch (BigFsException exception)
        {
            // The places known so far are tried again meanwhile.
            SdkLog.LocateFailed(_context.Logger, volume.Value, Map.File.Path.ToString(), exception);
            return false;
        }
    }

    /// <summary>Every replica, under a fresh map, says that it has not got the bytes: is the version still the file's?</summary>
    private async Task<BigFsException> FinalAsync(ReadRound round, ChunkReference chunk, CancellationToken cancellationToken)
    {
        BigFsPath path = Map.File.Path;
        if (round.IsGone)
        {
            BigFsEntry? entry = await _context.Control.RunAsync(
                path, (server, token) => server.FindAsync(path, token), cancellationToken).ConfigureAwait(false);
            if (entry is not BigFsFile file || file.Version != Map.File.Version)
            {
                return new BigFsException(
                    BigFsErrorCode.VersionExpired,
                    $"Version {Map.File.Version} of \"{path}\" was replaced or deleted and is no longer kept: open the file again.")
                {
                    Path = path.ToString(),
                    Attempts = round.Attempts,
                };
            }
        }

        return new BigFsException(
            BigFsErrorCode.Damaged,
            $"No replica returned the bytes of \"{path}\" that were written (chunk {chunk.Key} in volume {chunk.Volume}): {round.Describe()}.")
        {
            Path = path.ToString(),
            Endpoint = round.LastEndpoint,
            Attempts = round.Attempts,
        };
    }
}

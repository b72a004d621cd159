using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>
/// What an upload has written, brought into the file's order: checksum, size and receipt grow with each chunk, and of the
/// references at most a part of a manifest waits for the commit. Full parts are staged under the session while the upload
/// goes on, so that neither this process nor the commit holds a long file's manifest as a whole. Thread-safe.
/// </summary>
/// <param name="context">The client.</param>
/// <param name="path">The file, for errors.</param>
/// <param name="session">The upload's session.</param>
/// <param name="forget">Called with the chunks of a part that is staged: the session gives them up from now on.</param>
internal sealed class UploadManifest(
    ClientContext context, BigFsPath path, Guid session, Action<ImmutableArray<ChunkReference>> forget)
{
    private readonly Lock _lock = new();

    /// <summary>How many chunks may be written before an earlier one is: what waits for it is held in memory.</summary>
    private const int MostAhead = Limits.ManifestPageChunks;

    /// <summary>Written before their predecessors were.</summary>
    private readonly Dictionary<int, WrittenChunk> _ahead = [];
    private readonly ImmutableArray<ChunkReference>.Builder _rest = ImmutableArray.CreateBuilder<ChunkReference>();
    private readonly ReceiptBuilder _receipt = new();
    private Task _staging = Task.CompletedTask;
    private TaskCompletionSource? _advance;
    private int _next;

    /// <summary>Length of what was added in order, in bytes.</summary>
    public long Size { get; private set; }

    /// <summary>Its checksum.</summary>
    public uint Crc32C { get; private set; }

    /// <summary>How many chunks were staged.</summary>
    public int Staged { get; private set; }

    /// <summary>The references after them. Valid when all chunks were added.</summary>
    public ImmutableArray<ChunkReference> Rest => _rest.ToImmutable();

    /// <summary>What the upload rests on. Valid when all chunks were added.</summary>
    public DurabilityReceipt Receipt(int replicas, Core.Control.NameDurability name) => _receipt.Build(replicas, Crc32C, name);

    /// <summary>
    /// Adds a chunk by its place in the file. Who completes a part waits until it is staged, and who is a part ahead of a
    /// chunk that takes its time waits for that one, so that an upload is never far ahead of its manifest.
    /// </summary>
    /// <exception cref="BigFsException">As <see cref="IMetadataStore.StageChunksAsync"/>, tried for the operation time-out.</exception>
    public async ValueTask AddAsync(int place, WrittenChunk chunk, CancellationToken cancellationToken)
    {
        Task? staging = null;
        TaskCompletionSource? advance = null;
        lock (_lock)
        {
            _ahead.Add(place, chunk);
            if (place == _next)
            {
                (advance, _advance) = (_advance, null);
            }

            while (_ahead.Remove(_next, out WrittenChunk? next))
            {
                // The last part stays for the commit, full or not.
                if (_rest.Count == Limits.ManifestPageChunks)
                {
                    staging = _staging = StageAsync(_staging, Staged, _rest.DrainToImmutable(), cancellationToken);
                    Staged += Limits.ManifestPageChunks;
                }

                _next++;
                _rest.Add(next.Reference);
                _receipt.Add(next);
                Crc32C = Core.Chunking.Crc32C.Combine(Crc32C, next.Reference.Crc32C, next.Reference.Length);
                Size += next.Reference.Length;
            }
        }

        advance?.SetResult();
        if (staging is not null)
        {
            await staging.ConfigureAwait(false);
        }

        while (Advance(place) is { } turn)
        {
            await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The next time that the file's order grows, for one who is too far ahead of it.</summary>
    private Task? Advance(int place)
    {
        lock (_lock)
        {
            return place - _next < MostAhead
                ? null
                : (_advance ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Parts come one after the other; one that was brought before is fine, so a lost answer is asked for again.</summary>
    private async Task StageAsync(
        Task before, int first, ImmutableArray<ChunkReference> chunks, CancellationToken cancellationToken)
    {
        // Not under the lock of the one who completed the part.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await before.ConfigureAwait(false);
        var request = new StageChunksRequest { Session = session, First = first, Chunks = chunks };
        await context.Control.RunPatientlyAsync(
            path,
            async (server, token) =>
            {
                await server.StageChunksAsync(request, token).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        forget(chunks);
    }
}

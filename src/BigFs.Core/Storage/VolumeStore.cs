using System.Collections.Immutable;
using BigFs.Core.Model;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Storage;

/// <summary>
/// A datanode's volumes in one folder of a disk. Disposing it is a clean stop: new work is refused
/// (<see cref="ChunkStatus.Busy"/>), work under way ends, and the folder is marked clean. Thread-safe.
/// </summary>
public sealed partial class VolumeStore : IVolumeStore, IAsyncDisposable
{
    private readonly VolumeContext _context;
    private readonly IAsyncDisposable _folderLock;
    private readonly OperationGate _operations = new();
    private readonly Lock _lock = new();
    private readonly SortedDictionary<VolumeId, Volume> _volumes;
    private readonly SemaphoreSlim _orders = new(1);
    private readonly SemaphoreSlim _compactionWanted = new(1);
    private readonly SemaphoreSlim _compacting = new(1);
    private readonly CompactionPace _pace;
    private readonly CancellationTokenSource _stop = new();
    private Task _compactor = Task.CompletedTask;
    private volatile NodeIdentity _identity;
    private volatile bool _isAdmitted;
    private int _disposed;

    private VolumeStore(
        VolumeContext context,
        IAsyncDisposable folderLock,
        NodeIdentity identity,
        SortedDictionary<VolumeId, Volume> volumes)
    {
        _context = context;
        _folderLock = folderLock;
        _identity = identity;
        _volumes = volumes;
        _pace = new CompactionPace(context.Time, context.Options.CompactionBytesPerSecond);
        Buffers = new ChunkBufferPool(context.Options.BufferBytes);
    }

    /// <summary>
    /// The node's identity, the cluster it belongs to, the highest term, and whether it was stopped cleanly before (true for
    /// a new folder).
    /// </summary>
    public NodeIdentity Identity => _identity;

    /// <inheritdoc/>
    public NodeId Node => _identity.Node;

    /// <inheritdoc/>
    public BigFsDurability Durability => _context.Disk.Durability;

    /// <inheritdoc/>
    public ChunkBufferPool Buffers { get; }

    /// <inheritdoc cref="IChunkStore.Traffic"/>
    public StoreTraffic Traffic { get; } = new();

    StoreTraffic? IChunkStore.Traffic => Traffic;

    /// <summary>Bytes that can still be written to the disk.</summary>
    public ValueTask<long> GetFreeBytesAsync() => _context.Disk.GetFreeBytesAsync(_context.Options.DataDirectory);

    /// <inheritdoc/>
    public IReadOnlyList<VolumeReport> Volumes
    {
        get
        {
            lock (_lock)
            {
                return [.. _volumes.Values.Select(volume => volume.Report())];
            }
        }
    }

    /// <inheritdoc/>
    public ChunkStatus Check(in ChunkAppend request)
    {
        if (!IsLegal(request))
        {
            return ChunkStatus.Malformed;
        }

        if (!_operations.TryEnter())
        {
            return ChunkStatus.Busy;
        }

        try
        {
            return Find(request.Volume)?.Check(request) ?? ChunkStatus.VolumeNotFound;
        }
        finally
        {
            _operations.Exit();
        }
    }

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> AppendAsync(
        ChunkAppend request, ChunkBuffer buffer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        return StorageMetrics.WrittenAsync(
            request.Length,
            WithBufferAsync(
                IsLegal(request) && buffer.PayloadLength == request.Length,
                request.Volume,
                buffer,
                () => ValueTask.FromResult(ChunkStatus.Ok),
                volume => CountAsync(request.Length, () => volume.AppendAsync(request, buffer, cancellationToken))));
    }

    /// <inheritdoc/>
    public async ValueTask<ChunkStatus> AdoptAsync(
        VolumeOrder order, StoredChunkInfo chunk, ChunkBuffer buffer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(order);
        ArgumentNullException.ThrowIfNull(buffer);
        var request = new ChunkAppend(
            order.Volume, order.Epoch, order.Members, chunk.Key, chunk.Length, chunk.Crc32C);
        return await WithBufferAsync(
            IsLegal(request) && buffer.PayloadLength == request.Length && !chunk.Deleted,
            request.Volume,
            buffer,
            () => AcceptTermAsync(order.Term, cancellationToken),
            volume => CountAsync(request.Length, () => volume.AdoptAsync(request, buffer, cancellationToken)));
    }

    /// <inheritdoc/>
    public async ValueTask<(ChunkStatus Status, StoredChunk? Chunk)> OpenAsync(
        VolumeId volume, ChunkKey key, CancellationToken cancellationToken)
    {
        StoredChunk? chunk = null;
        ChunkStatus status = await WithVolumeAsync(volume, async found =>
        {
            (ChunkStatus outcome, chunk) = await found.OpenAsync(key);
            return outcome;
        });
        StorageMetrics.Opened(status, chunk?.Length ?? 0);
        return (status, chunk);
    }

    /// <inheritdoc/>
    public async ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ImmutableArray<StoredChunkInfo> chunks = [];
        ChunkStatus status = await WithVolumeAsync(volume, async found =>
        {
            (ChunkStatus outcome, chunks) = await found.ListAsync(after, limit);
            return outcome;
        });
        return (status, chunks);
    }

    /// <inheritdoc/>
    public async ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
        VolumeId volume, CancellationToken cancellationToken)
    {
        VolumeDigest? digest = null;
        ChunkStatus status = await WithVolumeAsync(volume, async found =>
        {
            digest = await found.DigestAsync(cancellationToken);
            return ChunkStatus.Ok;
        });
        return (status, digest);
    }

    /// <inheritdoc/>
    public async ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken) =>
        keys.IsDefault
            ? ChunkStatus.Malformed
            : await WithVolumeAsync(volume, async found => WantCompaction(await found.DeleteAsync(keys)));

    /// <inheritdoc/>
    public async ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken)
    {
        ChunkStatus status = await AcceptGenerationAsync(generation, cancellationToken);
        return status == ChunkStatus.Ok ? await DeleteAsync(volume, keys, cancellationToken) : status;
    }

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken) =>
        WithVolumeAsync(volume, found => found.VerifyAsync(key, cancellationToken));

    private static bool IsLegal(in ChunkAppend request) =>
        request.Length is >= 1 and <= Limits.MaxChunkSize && !request.Members.IsDefault;

    /// <summary>Runs work that takes the buffer over; gives it back when the work is not come to.</summary>
    private async ValueTask<ChunkStatus> WithBufferAsync(
        bool isLegal,
        VolumeId id,
        ChunkBuffer buffer,
        Func<ValueTask<ChunkStatus>> admit,
        Func<Volume, ValueTask<ChunkStatus>> work)
    {
        bool isTaken = false;
        try
        {
            return !isLegal
                ? ChunkStatus.Malformed
                : await WithVolumeAsync(id, async volume =>
                {
                    ChunkStatus status = await admit();
                    isTaken = status == ChunkStatus.Ok;
                    return isTaken ? await work(volume) : status;
                });
        }
        finally
        {
            if (!isTaken)
            {
                buffer.Dispose();
            }
        }
    }

    private async ValueTask<ChunkStatus> CountAsync(int length, Func<ValueTask<ChunkStatus>> append)
    {
        ChunkStatus status = ChunkStatus.Busy;
        Traffic.BeginAppend();
        try
        {
            return status = await append();
        }
        finally
        {
            Traffic.EndAppend(status == ChunkStatus.Ok ? length : 0);
        }
    }

    private async ValueTask<ChunkStatus> WithVolumeAsync(VolumeId id, Func<Volume, ValueTask<ChunkStatus>> work)
    {
        if (!_operations.TryEnter())
        {
            return ChunkStatus.Busy;
        }

        try
        {
            return Find(id) is { } volume ? await work(volume) : ChunkStatus.VolumeNotFound;
        }
        finally
        {
            _operations.Exit();
        }
    }

    private Volume? Find(VolumeId id)
    {
        lock (_lock)
        {
            return _volumes.GetValueOrDefault(id);
        }
    }
}

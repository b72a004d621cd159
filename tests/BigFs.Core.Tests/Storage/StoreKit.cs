using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Core.Tests.Storage;

/// <summary>Opens stores and speaks to them in the tests' words.</summary>
internal static class StoreKit
{
    public const string Directory = "/data";

    public static readonly NodeId Peer = new(new Guid("aaaaaaaa-0000-0000-0000-000000000001"));

    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static VolumeStoreOptions Options(string directory = Directory) => new()
    {
        DataDirectory = directory,
        BufferBytes = 80L << 20,
        PreparedBytesPerNode = 4L << 20,
        ReservedBytes = 0,
        Random = new Random(7),
    };

    public static Task<VolumeStore> OpenAsync(IDisk disk, VolumeStoreOptions? options = null, ILogger? logger = null) =>
        VolumeStore.OpenAsync(
            options ?? Options(), disk, new FakeTimeProvider(Now), logger ?? NullLogger.Instance, CancellationToken.None);

    public static VolumeOrder Order(this VolumeStore store, long volume, long epoch, long term = 1) => new()
    {
        Term = term,
        Volume = new VolumeId(volume),
        Epoch = epoch,
        Members = [.. new[] { store.Node, Peer }.Order()],
    };

    public static ValueTask<ChunkStatus> OpenVolumeAsync(this VolumeStore store, long volume, long epoch = 1) =>
        store.OpenVolumeAsync(store.Order(volume, epoch), default);

    public static ValueTask<ChunkStatus> FenceAsync(this VolumeStore store, long volume, long epoch) =>
        store.FenceAsync(store.Order(volume, epoch), default);

    public static ValueTask<ChunkStatus> SealAsync(this VolumeStore store, long volume, long epoch) =>
        store.SealAsync(store.Order(volume, epoch), default);

    public static ChunkAppend Request(this VolumeStore store, long volume, long epoch, ulong key, byte[] bytes) => new(
        new VolumeId(volume),
        epoch,
        [Peer, store.Node],
        new ChunkKey(key),
        bytes.Length,
        Crc32C.Compute(bytes));

    public static async Task<ChunkStatus> AppendAsync(
        this VolumeStore store, long volume, long epoch, ulong key, byte[] bytes)
    {
        ChunkBuffer buffer = await store.BufferAsync(bytes);
        return await store.AppendAsync(store.Request(volume, epoch, key, bytes), buffer, default);
    }

    public static async Task<ChunkStatus> AdoptAsync(
        this VolumeStore store, long volume, long epoch, ulong key, byte[] bytes, long term = 1)
    {
        var info = new StoredChunkInfo(new ChunkKey(key), bytes.Length, Crc32C.Compute(bytes), false);
        return await store.AdoptAsync(store.Order(volume, epoch, term), info, await store.BufferAsync(bytes), default);
    }

    public static async Task<ChunkBuffer> BufferAsync(this VolumeStore store, byte[] bytes)
    {
        ChunkBuffer buffer = await store.Buffers.RentAsync(bytes.Length, default);
        bytes.CopyTo(buffer.Payload);
        return buffer;
    }

    public static async Task<ChunkStatus> DeleteAsync(this VolumeStore store, long volume, params ulong[] keys) =>
        await store.DeleteAsync(
            new VolumeId(volume), [.. keys.Select(key => new ChunkKey(key))], CancellationToken.None);

    /// <summary>Reads a chunk as a client would: every block checked. Null bytes when it is not Ok.</summary>
    public static async Task<(ChunkStatus Status, byte[]? Bytes)> ReadAsync(this VolumeStore store, long volume, ulong key)
    {
        (ChunkStatus status, StoredChunk? chunk) =
            await store.OpenAsync(new VolumeId(volume), new ChunkKey(key), default);
        if (chunk is null)
        {
            return (status, null);
        }

        await using StoredChunk opened = chunk;
        var bytes = new byte[opened.Length];
        status = await opened.ReadAsync(0, bytes, default);
        if (status == ChunkStatus.Ok && !BlockChecksums.Compute(bytes).AsSpan().SequenceEqual(opened.BlockChecksums.Span))
        {
            status = ChunkStatus.Damaged;
        }

        return (status, status == ChunkStatus.Ok ? bytes : null);
    }

    public static async Task<ImmutableArray<StoredChunkInfo>> ListAsync(this VolumeStore store, long volume) =>
        (await store.ListChunksAsync(new VolumeId(volume), default, int.MaxValue, default)).Chunks;

    public static string LogPath(long volume, string directory = Directory) =>
        Path.Combine(directory, "volumes", volume + ".log");

    public static string IndexPath(long volume, string directory = Directory) =>
        Path.ChangeExtension(LogPath(volume, directory), ".idx");

    public static byte[] Bytes(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>The whole content of a file.</summary>
    public static async Task<byte[]> ReadFileAsync(IDisk disk, string path)
    {
        await using IDiskFile file = await disk.OpenFileAsync(path);
        var bytes = new byte[await file.GetLengthAsync()];
        await file.ReadAsync(0, bytes);
        return bytes;
    }

    /// <summary>Replaces a file's content, durably.</summary>
    public static async Task WriteFileAsync(IDisk disk, string path, byte[] bytes)
    {
        await using IDiskFile file = await disk.CreateFileAsync(path);
        await file.WriteAsync(0, bytes);
        await file.SyncAsync();
        await disk.SyncDirectoryAsync(Path.GetDirectoryName(path)!);
    }

    /// <summary>Turns one bit of the file over.</summary>
    public static async Task FlipAsync(IDisk disk, string path, long offset)
    {
        await using IDiskFile file = await disk.OpenFileAsync(path);
        var one = new byte[1];
        await file.ReadAsync(offset, one);
        one[0] ^= 0x10;
        await file.WriteAsync(offset, one);
        await file.SyncAsync();
    }
}

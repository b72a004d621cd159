using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>What every disk promises, and the store on the real ones.</summary>
[TestFixture(typeof(MemoryDisk))]
[TestFixture(typeof(PortableDisk))]
[TestFixture(typeof(PosixDisk))]
public sealed class DiskTests(Type kind)
{
    private IDisk _disk = null!;
    private string _folder = null!;

    [SetUp]
    public async Task Make()
    {
        Assume.That(kind != typeof(PosixDisk) || OperatingSystem.IsLinux(), "PosixDisk is for Linux");
        _folder = Path.Combine(Path.GetTempPath(), "bigfs-" + Guid.NewGuid().ToString("N"));
        _disk = kind == typeof(MemoryDisk) ? new MemoryDisk() : kind == typeof(PosixDisk) ? new PosixDisk() : new PortableDisk();
        await _disk.CreateDirectoryAsync(_folder);
    }

    [TearDown]
    public void Remove()
    {
        _disk?.Dispose();
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Test]
    public async Task Zeros_in_reserved_space_change_nothing_that_can_be_read()
    {
        await using IDiskFile file = await _disk.CreateFileAsync(Path.Combine(_folder, "zeros"));
        byte[] bytes = StoreKit.Bytes(8192);
        await file.WriteAsync(0, bytes);
        await file.ExtendAsync(1 << 20);

        await file.ZeroAsync(8192, 600 << 10);

        await file.SyncAsync();
        var read = new byte[1 << 20];
        Assert.That(await file.ReadAsync(0, read), Is.EqualTo(read.Length));
        Assert.That(read[..8192], Same.As(bytes));
        Assert.That(read.AsSpan(8192).ContainsAnyExcept((byte)0), Is.False);
    }

    [Test]
    public async Task What_is_written_is_read_aligned_or_not()
    {
        await using IDiskFile file = await _disk.CreateFileAsync(Path.Combine(_folder, "file"));
        using var pool = new ChunkBufferPool(80 << 20);
        using ChunkBuffer aligned = await pool.RentAsync(60_000, default);
        StoreKit.Bytes(aligned.Capacity).CopyTo(aligned.GetSpan());
        byte[] odd = StoreKit.Bytes(777, seed: 2);

        await file.ExtendAsync(1 << 20);
        await file.WriteAsync(8192, aligned.Memory);
        var first = new byte[aligned.Capacity];
        int count = await file.ReadAsync(8192, first);
        await file.WriteAsync(8192 + 100, odd);
        await file.SyncAsync();
        var second = new byte[aligned.Capacity];
        await file.ReadAsync(8192, second);
        await file.WriteAsync(8192, aligned.Memory[..4096]); // over a page that the cache holds
        var third = new byte[4096];
        await file.ReadAsync(8192, third);

        Assert.That(count, Is.EqualTo(first.Length));
        Assert.That(first, Same.As(aligned.GetSpan().ToArray()));
        Assert.That(second[100..877], Is.EqualTo(odd));
        Assert.That(second[877..], Same.As(first[877..]));
        Assert.That(third, Same.As(first[..4096]));
    }

    [TestCase(0, 4096)]
    [TestCase(1, 1)]
    [TestCase(4095, 2)]
    [TestCase(100, 30_000)]
    [TestCase(8192, 12_288)]
    [TestCase(29_990, 20)]
    [TestCase(29_000, 50_000)]
    [TestCase(40_000, 10)]
    public async Task Past_the_cache_the_same_bytes_are_read_aligned_or_not_and_up_to_the_end(int offset, int length)
    {
        byte[] content = StoreKit.Bytes(30_000);
        await using IDiskFile file = await _disk.CreateFileAsync(Path.Combine(_folder, "file"));
        await file.WriteAsync(0, content); // in the cache alone, as yet
        var read = new byte[length];
        int count = await file.ReadPastCacheAsync(offset, read);

        byte[] expected = content[Math.Min(offset, content.Length)..Math.Min(offset + length, content.Length)];
        Assert.That(count, Is.EqualTo(expected.Length));
        Assert.That(read[..count], Same.As(expected));
    }

    [Test]
    public async Task Extended_space_reads_as_zeros_and_reads_end_where_the_file_ends()
    {
        await using IDiskFile file = await _disk.CreateFileAsync(Path.Combine(_folder, "file"));
        await file.WriteAsync(0, new byte[] { 1, 2, 3 });
        await file.ExtendAsync(5);
        await file.ExtendAsync(4);
        var bytes = new byte[9];

        Assert.That(await file.ReadAsync(0, bytes), Is.EqualTo(5));
        Assert.That(bytes, Is.EqualTo(new byte[] { 1, 2, 3, 0, 0, 0, 0, 0, 0 }));
        Assert.That(await file.ReadAsync(7, bytes), Is.Zero);
        await file.TruncateAsync(2);
        await file.ExtendAsync(4);
        Assert.That(await file.ReadAsync(0, bytes), Is.EqualTo(4));
        Assert.That(bytes[..4], Is.EqualTo(new byte[] { 1, 2, 0, 0 }));
    }

    [Test]
    public async Task Names_are_listed_in_order_renamed_over_others_and_removed()
    {
        foreach (string name in new[] { "b", "a", "c" })
        {
            await using IDiskFile file = await _disk.CreateFileAsync(Path.Combine(_folder, name));
            await file.WriteAsync(0, System.Text.Encoding.UTF8.GetBytes(name));
        }

        await _disk.RenameAsync(Path.Combine(_folder, "c"), Path.Combine(_folder, "a"));
        await _disk.DeleteFileAsync(Path.Combine(_folder, "b"));
        await _disk.SyncDirectoryAsync(_folder);

        Assert.That(await _disk.ListFilesAsync(_folder), Is.EqualTo(new[] { "a" }));
        Assert.That(
            await StoreKit.ReadFileAsync(_disk, Path.Combine(_folder, "a")), Is.EqualTo("c"u8.ToArray()));
        Assert.That(await _disk.GetFreeBytesAsync(_folder), Is.Positive);
    }

    [Test]
    public async Task A_missing_file_is_a_disk_error_and_creating_replaces()
    {
        string path = Path.Combine(_folder, "file");
        Assert.That(async () => await _disk.OpenFileAsync(path), Throws.InstanceOf<DiskException>());
        await StoreKit.WriteFileAsync(_disk, path, [1, 2, 3]);
        await (await _disk.CreateFileAsync(path)).DisposeAsync();
        Assert.That(await StoreKit.ReadFileAsync(_disk, path), Is.Empty);
    }

    [Test]
    public async Task A_folder_is_one_openers_alone()
    {
        IAsyncDisposable held = await _disk.LockDirectoryAsync(_folder);
        BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(
            async () => await _disk.LockDirectoryAsync(_folder));
        await held.DisposeAsync();

        Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.DataInUse));
        await (await _disk.LockDirectoryAsync(_folder)).DisposeAsync();
    }

    [Test]
    public async Task A_store_keeps_its_chunks_over_a_restart()
    {
        string data = Path.Combine(_folder, "deep", "data");
        byte[][] chunks = [.. new[] { 1, 5000, 65_536, (9 << 20) + 1 }.Select(length => StoreKit.Bytes(length))];
        await using (VolumeStore store = await StoreKit.OpenAsync(_disk, StoreKit.Options(data)))
        {
            await store.OpenVolumeAsync(1);
            ChunkStatus[] outcomes = await Task.WhenAll(chunks.Select((bytes, i) => store.AppendAsync(1, 1, (ulong)i, bytes)));
            Assert.That(outcomes, Is.All.EqualTo(ChunkStatus.Ok));
            BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(
                async () => await StoreKit.OpenAsync(_disk, StoreKit.Options(data)));
            Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.DataInUse));
        }

        await using VolumeStore again = await StoreKit.OpenAsync(_disk, StoreKit.Options(data));
        Assert.That(again.Identity.CleanStart, Is.True);
        for (int i = 0; i < chunks.Length; i++)
        {
            Assert.That((await again.ReadAsync(1, (ulong)i)).Bytes, Same.As(chunks[i]));
        }

        Assert.That(await again.FenceAsync(1, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await again.SealAsync(1, 2), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(
            (await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1, data))).LongLength,
            Is.EqualTo(again.Volumes[0].Bytes));
    }
}

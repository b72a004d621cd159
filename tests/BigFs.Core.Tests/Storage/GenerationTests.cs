using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>Deletions carry the namespace's generation; a node remembers the highest and obeys no lower one.</summary>
[TestFixture]
public sealed class GenerationTests
{
    private MemoryDisk _disk = null!;
    private VolumeStore _store = null!;

    [SetUp]
    public async Task Open()
    {
        _disk = new MemoryDisk();
        _store = await StoreKit.OpenAsync(_disk);
        await _store.OpenVolumeAsync(1, epoch: 5);
        await _store.AppendAsync(1, 5, 7, [1, 2, 3]);
    }

    [TearDown]
    public async Task Close()
    {
        await _store.DisposeAsync();
        _disk.Dispose();
    }

    [Test]
    public async Task A_deletion_of_a_lower_generation_is_refused_and_deletes_nothing()
    {
        Assert.That(await DeleteAsync(2, 8), Is.EqualTo(ChunkStatus.Ok));

        Assert.That(await DeleteAsync(1, 7), Is.EqualTo(ChunkStatus.StaleGeneration));

        Assert.That((await _store.ReadAsync(1, 7)).Status, Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await DeleteAsync(2, 7), Is.EqualTo(ChunkStatus.Ok));
        Assert.That((await _store.ReadAsync(1, 7)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
    }

    [Test]
    public async Task A_generation_that_was_only_announced_counts_and_survives_a_restart()
    {
        Assert.That(await _store.AcceptGenerationAsync(3, default), Is.EqualTo(ChunkStatus.Ok));
        Assert.That(await _store.AcceptGenerationAsync(3, default), Is.EqualTo(ChunkStatus.Ok));

        await _store.DisposeAsync();
        _store = await StoreKit.OpenAsync(_disk);

        Assert.That(_store.Identity.Generation, Is.EqualTo(3));
        Assert.That(await _store.AcceptGenerationAsync(2, default), Is.EqualTo(ChunkStatus.StaleGeneration));
        Assert.That(await DeleteAsync(2, 7), Is.EqualTo(ChunkStatus.StaleGeneration));
        Assert.That(await DeleteAsync(3, 7), Is.EqualTo(ChunkStatus.Ok));
    }

    [TestCase(0)]
    [TestCase(-1)]
    public async Task No_generation_is_below_one(long generation)
    {
        Assert.That(await DeleteAsync(generation, 7), Is.EqualTo(ChunkStatus.Malformed));
        Assert.That(await _store.AcceptGenerationAsync(generation, default), Is.EqualTo(ChunkStatus.Malformed));
    }

    [Test]
    public async Task An_identity_of_the_first_format_is_read_and_has_seen_no_generation()
    {
        await _store.DisposeAsync();
        string path = (await FindIdentityAsync())!;
        string[] lines = Encoding.UTF8.GetString(await StoreKit.ReadFileAsync(_disk, path)).Split('\n');
        string first = string.Join('\n', ["bigfs-datanode 1", lines[1], lines[2], lines[3], lines[5], ""]);
        await StoreKit.WriteFileAsync(
            _disk, path, Encoding.UTF8.GetBytes($"{first}crc32c {Crc32C.Compute(Encoding.UTF8.GetBytes(first)):x8}\n"));

        _store = await StoreKit.OpenAsync(_disk);

        Assert.That((_store.Identity.Generation, _store.Identity.CleanStart), Is.EqualTo((0L, true)));
        Assert.That(await _store.AcceptGenerationAsync(1, default), Is.EqualTo(ChunkStatus.Ok));
    }

    private async Task<string?> FindIdentityAsync()
    {
        string folder = StoreKit.Options().DataDirectory;
        return (await _disk.ListFilesAsync(folder)).Contains("identity") ? Path.Combine(folder, "identity") : null;
    }

    private ValueTask<ChunkStatus> DeleteAsync(long generation, params ImmutableArray<ulong> keys) => _store.DeleteAsync(
        new VolumeId(1), [.. keys.Select(key => new ChunkKey(key))], generation, default);
}

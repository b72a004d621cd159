using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

[TestFixture]
public sealed class VolumeStoreFolderTests
{
    private const string IdentityPath = StoreKit.Directory + "/identity";
    private MemoryDisk _disk = null!;

    [SetUp]
    public void MakeDisk() => _disk = new MemoryDisk();

    [TearDown]
    public void DropDisk() => _disk.Dispose();

    [Test]
    public async Task A_new_folder_gets_an_identity_that_stays()
    {
        await using VolumeStore first = await StoreKit.OpenAsync(_disk);
        Assert.That(first.Identity.CleanStart, Is.True);
        Assert.That(first.Identity.ClusterId, Is.Null);
        await first.DisposeAsync();

        await using VolumeStore second = await StoreKit.OpenAsync(_disk, StoreKit.Options() with { Random = null });
        Assert.That(second.Identity, Is.EqualTo(first.Identity));
    }

    [Test]
    public async Task A_stop_is_clean_only_when_the_store_was_disposed()
    {
        await using (VolumeStore store = await StoreKit.OpenAsync(_disk))
        {
            _disk.Crash();
            await using VolumeStore afterCrash = await StoreKit.OpenAsync(_disk);
            Assert.That(afterCrash.Identity.CleanStart, Is.False);
            Assert.That(afterCrash.Node, Is.EqualTo(store.Node));
            _disk.Fault = (_, _) => new DiskException("the power is off");
        }

        _disk.Crash();
        _disk.Fault = null;
        await using (VolumeStore admitted = await StoreKit.OpenAsync(_disk))
        {
            await admitted.AdoptClusterAsync(Guid.NewGuid());
        }

        await using VolumeStore afterStop = await StoreKit.OpenAsync(_disk);
        Assert.That(afterStop.Identity.CleanStart, Is.True);
    }

    [Test]
    public async Task An_unclean_start_that_was_never_admitted_stays_unclean_after_a_clean_stop()
    {
        VolumeStore crashed = await StoreKit.OpenAsync(_disk);
        _disk.Crash();
        _disk.Fault = (_, _) => new DiskException("the power is off");
        await crashed.DisposeAsync();
        _disk.Fault = null;
        await (await StoreKit.OpenAsync(_disk)).DisposeAsync();

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);
        Assert.That(again.Identity.CleanStart, Is.False);
    }

    [Test]
    public async Task The_cluster_that_adopted_the_node_is_remembered_and_another_refused()
    {
        Guid cluster = new("11111111-2222-3333-4444-555555555555");
        await using (VolumeStore store = await StoreKit.OpenAsync(_disk))
        {
            await store.AdoptClusterAsync(cluster);
            await store.AdoptClusterAsync(cluster);
            BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(
                async () => await store.AdoptClusterAsync(Guid.NewGuid()));
            Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.WrongCluster));
        }

        await using VolumeStore again = await StoreKit.OpenAsync(_disk);
        Assert.That(again.Identity.ClusterId, Is.EqualTo(cluster));
    }

    [Test]
    public async Task A_folder_in_use_is_refused_and_free_again_after_the_stop()
    {
        VolumeStore store = await StoreKit.OpenAsync(_disk);
        await ExpectRefusal(BigFsErrorCode.DataInUse);
        await store.DisposeAsync();
        await (await StoreKit.OpenAsync(_disk)).DisposeAsync();
    }

    [Test]
    public async Task Volumes_without_an_identity_are_refused_and_the_folder_is_let_go()
    {
        await using (VolumeStore store = await StoreKit.OpenAsync(_disk))
        {
            await store.OpenVolumeAsync(1);
        }

        await _disk.DeleteFileAsync(IdentityPath);
        await ExpectRefusal(BigFsErrorCode.DataUnreadable);
        await ExpectRefusal(BigFsErrorCode.DataUnreadable);
    }

    [TestCase("bigfs-datanode 2", "bigfs-datanode 3", "newer")]
    [TestCase("term 0", "term 1", "damaged")]
    [TestCase("node ", "mode ", "damaged")]
    [TestCase("bigfs-datanode", "", "damaged")]
    public async Task An_identity_that_is_damaged_or_of_a_newer_format_is_refused(string from, string to, string reason)
    {
        await (await StoreKit.OpenAsync(_disk)).DisposeAsync();
        string text = System.Text.Encoding.UTF8.GetString(await StoreKit.ReadFileAsync(_disk, IdentityPath));
        await StoreKit.WriteFileAsync(
            _disk, IdentityPath, System.Text.Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));

        BigFsException refusal = await ExpectRefusal(BigFsErrorCode.DataUnreadable);
        Assert.That(refusal.Message, Does.Contain(reason));
    }

    [Test]
    public async Task A_volume_of_another_node_is_refused()
    {
        await using (VolumeStore other = await StoreKit.OpenAsync(
            _disk, StoreKit.Options("/other") with { Random = new Random(8) }))
        {
            await other.OpenVolumeAsync(1);
        }

        await (await StoreKit.OpenAsync(_disk)).DisposeAsync();
        byte[] log = await StoreKit.ReadFileAsync(_disk, StoreKit.LogPath(1, "/other"));
        await StoreKit.WriteFileAsync(_disk, StoreKit.LogPath(1), log);

        await ExpectRefusal(BigFsErrorCode.DataUnreadable);
    }

    [Test]
    public async Task What_a_crash_left_of_an_unfinished_creation_is_removed()
    {
        await (await StoreKit.OpenAsync(_disk)).DisposeAsync();
        await StoreKit.WriteFileAsync(_disk, StoreKit.LogPath(1) + ".tmp", [1, 2, 3]);

        await using VolumeStore store = await StoreKit.OpenAsync(_disk);

        Assert.That(store.Volumes, Is.Empty);
        Assert.That(await _disk.ListFilesAsync(StoreKit.Directory + "/volumes"), Is.Empty);
    }

    [TestCase("DataDirectory")]
    [TestCase("VolumeSizeBytes")]
    [TestCase("PreparedBytesPerNode")]
    [TestCase("BufferBytes")]
    [TestCase("ReservedBytes")]
    public async Task Wrong_settings_are_refused_by_name(string setting)
    {
        VolumeStoreOptions options = setting switch
        {
            "DataDirectory" => StoreKit.Options("relative"),
            "VolumeSizeBytes" => StoreKit.Options() with { VolumeSizeBytes = 1 },
            "PreparedBytesPerNode" => StoreKit.Options() with { PreparedBytesPerNode = -1 },
            "BufferBytes" => StoreKit.Options() with { BufferBytes = 1 },
            _ => StoreKit.Options() with { ReservedBytes = -1 },
        };

        BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(async () => await StoreKit.OpenAsync(_disk, options));

        Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(refusal.Message, Does.StartWith($"The setting {setting} is "));
    }

    private async Task<BigFsException> ExpectRefusal(BigFsErrorCode code)
    {
        BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(async () => await StoreKit.OpenAsync(_disk));
        Assert.That(refusal!.Code, Is.EqualTo(code));
        return refusal;
    }
}

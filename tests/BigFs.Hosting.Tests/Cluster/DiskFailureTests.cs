using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>A datanode whose disk fails or runs full under a cluster's clients, and one whose disk forgets a bit.</summary>
[TestFixture]
internal sealed class DiskFailureTests
{
    private const int ChunkSize = 64 << 10;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private string _data = "";

    [SetUp]
    public void MakeFolder() => _data = Directory.CreateTempSubdirectory("bigfs-disk-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_data, recursive: true);

    [Test]
    public async Task Uploads_succeed_while_one_nodes_disk_fails_and_its_flush_is_never_repeated(
        [Values] FailingCall call, [Values] bool isFull)
    {
        var disks = new Dictionary<int, FaultyDisk>();
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(new BigFsClusterOptions
        {
            DataDirectory = _data,
            WrapDisk = (number, disk) => disks[number] = new FaultyDisk(disk),
        });
        byte[] before = Content(1);
        await UploadAsync(cluster, "/before", before);

        disks[1].Fail(call, isFull);
        for (int i = 2; i < 8; i++)
        {
            await UploadAsync(cluster, $"/during-{i}", Content(i)).WaitAsync(Deadline);
        }

        Assert.That(disks[1].FailedFlushes.Values, Is.All.EqualTo(1), "never repeated");
        if (call == FailingCall.Sync)
        {
            Assert.That(disks[1].FailedFlushes, Is.Not.Empty, "the failing node was written to");
        }

        for (int i = 2; i < 8; i++)
        {
            Assert.That(await DownloadAsync(cluster, $"/during-{i}"), Is.EqualTo(Content(i)));
        }

        Assert.That(await DownloadAsync(cluster, "/before"), Is.EqualTo(before));
        disks[1].Heal();
        await UploadAsync(cluster, "/after", Content(9)).WaitAsync(Deadline);
    }

    [Test]
    public async Task A_flipped_byte_is_found_by_the_scrub_and_confirmed_by_the_node_manager()
    {
        byte[] content = Content(1);
        var options = new BigFsClusterOptions { DataDirectory = _data };
        await using (BigFsCluster cluster = await BigFsCluster.StartAsync(options))
        {
            await UploadAsync(cluster, "/file", content);
        }

        string log = Directory.GetFiles(_data, "*.log", SearchOption.AllDirectories)
            .First(file => File.ReadAllBytes(file).AsSpan().IndexOf(content.AsSpan(0, ChunkSize)) >= 0);
        byte[] bytes = await File.ReadAllBytesAsync(log);
        bytes[bytes.AsSpan().IndexOf(content.AsSpan(0, ChunkSize)) + 12_345] ^= 1;
        await File.WriteAllBytesAsync(log, bytes);

        using var events = new RecordedLog();
        options.LoggerFactory = events;
        options.ScrubInterval = TimeSpan.FromMilliseconds(50);
        await using BigFsCluster again = await BigFsCluster.StartAsync(options);
        using var deadline = new CancellationTokenSource(Deadline);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (events.Count("DamageConfirmed") == 0 && await timer.WaitForNextTickAsync(deadline.Token))
        {
        }

        Assert.That(events.Count("ScrubFound"), Is.Positive);
        Assert.That(await DownloadAsync(again, "/file"), Is.EqualTo(content));
    }

    private static async Task UploadAsync(BigFsCluster cluster, string path, byte[] content) =>
        await cluster.Client.UploadAsync(path, new MemoryStream(content), new UploadOptions { ChunkSize = ChunkSize });

    private static async Task<byte[]> DownloadAsync(BigFsCluster cluster, string path)
    {
        var destination = new MemoryStream();
        await cluster.Client.DownloadAsync(path, destination);
        return destination.ToArray();
    }

    private static byte[] Content(int seed)
    {
        byte[] content = new byte[(4 * ChunkSize) + seed];
        new Random(seed).NextBytes(content);
        return content;
    }
}

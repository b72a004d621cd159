using System.Security.Cryptography;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>The main job, through every role, on direct calls, on loopback sockets and in memory.</summary>
[TestFixture(false, false)]
[TestFixture(true, false)]
[TestFixture(false, true)]
public sealed class ClusterTests(bool listen, bool inMemory)
{
    private const int ChunkSize = 64 << 10;

    private BigFsCluster _cluster = null!;
    private BigFsClient? _remote;
    private IBigFsClient _client = null!;

    [SetUp]
    public async Task Start()
    {
        _cluster = await BigFsCluster.StartAsync(new BigFsClusterOptions { Listen = listen, InMemory = inMemory });
        _remote = listen ? new BigFsClient(_cluster.Endpoint!) : null;
        _client = _remote ?? _cluster.Client;
    }

    [TearDown]
    public async Task Stop()
    {
        if (_remote is not null)
        {
            await _remote.DisposeAsync();
        }

        await _cluster.DisposeAsync();
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(ChunkSize - 1)]
    [TestCase(ChunkSize)]
    [TestCase(ChunkSize + 1)]
    [TestCase((5 * ChunkSize) + 4321)]
    public async Task A_file_comes_back_byte_for_byte_with_a_truthful_receipt(int size)
    {
        byte[] content = RandomBytes(size);
        UploadResult result = await UploadAsync("/some/where/file", content);
        Assert.Multiple(() =>
        {
            Assert.That(result.File.Size, Is.EqualTo(size));
            Assert.That(result.Receipt.Replicas, Is.EqualTo(2));
            Assert.That(result.Receipt.Durability, Is.EqualTo(inMemory ? BigFsDurability.Memory : BigFsDurability.Flushed));
            Assert.That(result.Receipt.Chunks, Is.EqualTo((size + ChunkSize - 1) / ChunkSize));
            Assert.That(result.Receipt.Volumes.Select(volume => volume.Nodes.Distinct().Count()), Is.All.EqualTo(2));
            Assert.That(result.Receipt.Volumes.Sum(volume => volume.Bytes), Is.EqualTo(size));
        });
        Assert.That(await DownloadAsync("/some/where/file"), Is.EqualTo(content));
    }

    [Test]
    public async Task Any_one_datanode_may_stop_and_return_in_turn_without_a_failed_operation()
    {
        var files = new Dictionary<string, byte[]>();
        for (int round = 0; round < _cluster.Nodes.Count; round++)
        {
            BigFsClusterNode node = _cluster.Nodes[round];
            await PutAsync($"/ring/before-{round}");
            await _cluster.StopNodeAsync(node);
            await PutAsync($"/ring/during-{round}");
            foreach ((string path, byte[] content) in files)
            {
                Assert.That(await DownloadAsync(path), Is.EqualTo(content), path);
            }

            await _cluster.StartNodeAsync(node);
            await PutAsync($"/ring/after-{round}");
        }

        async Task PutAsync(string path)
        {
            files[path] = RandomBytes(3 * ChunkSize);
            await UploadAsync(path, files[path]);
        }
    }

    [Test]
    public async Task Too_few_datanodes_are_said_with_numbers_before_a_byte_is_read()
    {
        await _cluster.StopNodeAsync(_cluster.Nodes[0]);
        await _cluster.StopNodeAsync(_cluster.Nodes[1]);
        var source = new MemoryStream(RandomBytes(10));
        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => _client.UploadAsync("/file", source, new UploadOptions { Replicas = 3 })))!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.NotEnoughNodes));
            Assert.That(error.Message, Does.Contain("3"));
            Assert.That(source.Position, Is.Zero);
        });
    }

    [Test]
    public async Task Readers_see_one_version_or_the_other_while_two_writers_replace_a_file()
    {
        byte[] one = RandomBytes(3 * ChunkSize), other = RandomBytes(4 * ChunkSize);
        await UploadAsync("/contended", one);
        Task writers = Task.WhenAll(WriteAsync(one), WriteAsync(other));
        int reads = 0;
        do
        {
            byte[] seen = await DownloadAsync("/contended");
            Assert.That(seen.AsSpan().SequenceEqual(one) || seen.AsSpan().SequenceEqual(other));
            reads++;
        }
        while (!writers.IsCompleted);
        await writers;
        Assert.That(reads, Is.GreaterThan(0));

        async Task WriteAsync(byte[] content)
        {
            for (int i = 0; i < 5; i++)
            {
                await UploadAsync("/contended", content);
            }
        }
    }

    [Test]
    public async Task Only_one_of_many_writers_wins_when_nothing_may_be_there()
    {
        var options = new UploadOptions { Precondition = UploadPrecondition.Absent };
        bool[] won = await Task.WhenAll(Enumerable.Range(0, 8).Select(async number =>
        {
            try
            {
                await _client.UploadAsync("/once", new MemoryStream([(byte)number]), options);
                return true;
            }
            catch (BigFsException error) when (error.Code == BigFsErrorCode.AlreadyExists)
            {
                return false;
            }
        }));
        Assert.That(won.Count(one => one), Is.EqualTo(1));
    }

    [Test]
    public async Task Directories_are_made_listed_moved_and_deleted()
    {
        await UploadAsync("/a/b/one", RandomBytes(1));
        await UploadAsync("/a/two", RandomBytes(2));
        await _client.MoveAsync("/a/b", "/c/d");
        string[] names = await _client.ListAsync("/a").Select(entry => entry.Path.ToString()).ToArrayAsync();
        Assert.That(names, Is.EqualTo(new[] { "/a/two" }));
        Assert.That(await DownloadAsync("/c/d/one"), Has.Length.EqualTo(1));
        Assert.That(
            () => _client.DeleteAsync("/c"),
            Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.DirectoryNotEmpty));
        Assert.That(await _client.DeleteAsync("/c", new DeleteOptions { Recursive = true }), Is.True);
        Assert.That(await _client.FindAsync("/c/d/one"), Is.Null);
        Assert.That(await _client.DeleteAsync("/c"), Is.False);
    }

    private async Task<UploadResult> UploadAsync(string path, byte[] content) =>
        await _client.UploadAsync(path, new MemoryStream(content), new UploadOptions { ChunkSize = ChunkSize });

    private async Task<byte[]> DownloadAsync(string path)
    {
        var destination = new MemoryStream();
        await _client.DownloadAsync(path, destination);
        return destination.ToArray();
    }

    private static byte[] RandomBytes(int size) => RandomNumberGenerator.GetBytes(size);
}

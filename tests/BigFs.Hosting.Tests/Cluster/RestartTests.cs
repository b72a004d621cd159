using BigFs.Core.Chunking;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>What a cluster's data folders promise over restarts.</summary>
public sealed class RestartTests
{
    private const int ChunkSize = 64 << 10;

    private string _data = "";

    [SetUp]
    public void MakeFolder() => _data = Directory.CreateTempSubdirectory("bigfs-restart-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_data, recursive: true);

    [Test]
    public async Task After_a_restart_everything_is_there_and_the_volumes_are_used_again()
    {
        byte[] content = Content(10 * ChunkSize);
        for (int round = 0; round < 3; round++)
        {
            await using BigFsCluster cluster = await StartAsync();
            for (int earlier = 0; earlier < round; earlier++)
            {
                Assert.That(await ReadAsync(cluster, $"/file-{earlier}"), Is.EqualTo(content));
            }

            await WriteAsync(cluster, $"/file-{round}", content);
        }

        int logs = Directory.GetFiles(_data, "*.log", SearchOption.AllDirectories).Length;
        Assert.That(logs, Is.EqualTo(6), "three volumes of two replicas each");
    }

    [Test]
    public async Task A_flipped_byte_in_a_volume_is_never_returned()
    {
        byte[] content = Content(4 * ChunkSize);
        await using (BigFsCluster cluster = await StartAsync())
        {
            await WriteAsync(cluster, "/file", content);
        }

        foreach (string log in Directory.GetFiles(Path.Combine(_data, "datanode-1"), "*.log", SearchOption.AllDirectories))
        {
            FlipPayloadBytes(log, content);
        }

        await using BigFsCluster again = await StartAsync();
        Assert.That(await ReadAsync(again, "/file"), Is.EqualTo(content));
    }

    [Test]
    public async Task A_second_cluster_on_the_same_folder_is_refused()
    {
        await using BigFsCluster cluster = await StartAsync();
        Assert.That(
            async () => await StartAsync(),
            Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.DataInUse));
        await WriteAsync(cluster, "/still", Content(1));
    }

    [Test]
    public async Task A_datanode_folder_of_another_cluster_is_refused()
    {
        await using (await StartAsync())
        {
        }

        string other = Path.Combine(_data, "other");
        await using (await BigFsCluster.StartAsync(new BigFsClusterOptions { DataDirectory = other }))
        {
        }

        Directory.Delete(Path.Combine(_data, "datanode-2"), recursive: true);
        Directory.Move(Path.Combine(other, "datanode-2"), Path.Combine(_data, "datanode-2"));
        Assert.That(
            async () => await StartAsync(),
            Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.WrongCluster));
    }

    [TestCase("DataNodes")]
    [TestCase("Replicas")]
    [TestCase("Port")]
    [TestCase("PreparedBytesPerNode")]
    [TestCase("DataDirectory")]
    public async Task A_wrong_setting_stops_the_start_with_a_sentence_that_names_it(string setting)
    {
        var options = new BigFsClusterOptions { DataDirectory = _data };
        switch (setting)
        {
            case "DataNodes":
                options.DataNodes = 0;
                break;
            case "Replicas":
                options.Replicas = 4;
                break;
            case "Port":
                options.Port = 70000;
                break;
            case "PreparedBytesPerNode":
                options.PreparedBytesPerNode = -1;
                break;
            default:
                options.InMemory = true;
                break;
        }

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => BigFsCluster.StartAsync(options)))!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
            Assert.That(error.Message, Does.Contain($"The setting {setting} is "));
        });
    }

    private Task<BigFsCluster> StartAsync() =>
        BigFsCluster.StartAsync(new BigFsClusterOptions { DataDirectory = _data });

    private static async Task WriteAsync(BigFsCluster cluster, string path, byte[] content) =>
        await cluster.Client.UploadAsync(path, new MemoryStream(content), new UploadOptions { ChunkSize = ChunkSize });

    private static async Task<byte[]> ReadAsync(BigFsCluster cluster, string path)
    {
        var destination = new MemoryStream();
        await cluster.Client.DownloadAsync(path, destination);
        return destination.ToArray();
    }

    /// <summary>Flips a byte in the middle of every chunk of the content that the log holds.</summary>
    private static void FlipPayloadBytes(string log, byte[] content)
    {
        byte[] bytes = File.ReadAllBytes(log);
        for (int chunk = 0; chunk < content.Length; chunk += ChunkSize)
        {
            int at = bytes.AsSpan().IndexOf(content.AsSpan(chunk, 1000));
            if (at >= 0)
            {
                bytes[at + 500] ^= 0x10;
            }
        }

        File.WriteAllBytes(log, bytes);
    }

    private static byte[] Content(int size)
    {
        var random = new Random(20260101);
        byte[] content = new byte[size];
        random.NextBytes(content);
        Assert.That(Crc32C.Compute(content), Is.Not.Zero);
        return content;
    }
}

using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Hosting.Tests.Access;
using BigFs.Internal;
using BigFs.Internal.Grpc;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>Files that are read again: whoever changed them meanwhile, through whichever file server, a read sees what was acknowledged.</summary>
[CancelAfter(60_000)]
internal sealed class RepeatedReadTests
{
    [Test]
    public async Task Every_read_sees_every_write_before_it_by_clients_that_have_read_all_before()
    {
        const int seed = 20261125;
        TestContext.Out.WriteLine($"SEED {seed}");
        var random = new Random(seed);
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(
            new BigFsClusterOptions { InMemory = true, Listen = true, FileServers = 2 });
        await using var one = new BigFsClient(cluster.Endpoint!);
        await using var other = new BigFsClient(cluster.Endpoint!);
        BigFsClient[] clients = [one, other];
        string[] paths = ["/a", "/d/a", "/d/b"];
        Dictionary<string, byte[]> standing = [];
        for (int step = 0; step < 600; step++)
        {
            BigFsClient client = clients[random.Next(2)];
            string path = paths[random.Next(paths.Length)];
            switch (random.Next(8))
            {
                case 0:
                    await client.DeleteAsync(path);
                    standing.Remove(path);
                    break;
                case 1 when standing.Remove(path, out byte[]? moved):
                    string target = paths[random.Next(paths.Length)];
                    await client.MoveAsync(path, target, new MoveOptions { Overwrite = true });
                    standing[target] = moved;
                    break;
                case < 4:
                    // Of one block and of several, so that both ways to a datanode are gone.
                    byte[] content = new byte[random.Next(2) == 0 ? 1 + random.Next(4096) : 200_000 + random.Next(100_000)];
                    random.NextBytes(content);
                    await client.UploadBytesAsync(path, content);
                    standing[path] = content;
                    break;
                default:
                    byte[]? read = await ReadAsync(client, path);
                    Assert.That(read, Is.EqualTo(standing.GetValueOrDefault(path)), $"step {step}");
                    break;
            }
        }
    }

    [Test]
    public async Task Concurrent_readers_of_a_file_that_is_replaced_all_the_time_never_see_a_mixture_nor_go_back()
    {
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(
            new BigFsClusterOptions { InMemory = true, Listen = true, FileServers = 2 });
        await using var writer = new BigFsClient(cluster.Endpoint!);
        await using var reader = new BigFsClient(cluster.Endpoint!);
        int acknowledged = 0;
        await WriteAsync(1);
        Task[] readers = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(ReadAllAsync))];
        for (int number = 2; number <= 60; number++)
        {
            await WriteAsync(number);
        }

        Volatile.Write(ref acknowledged, -1);
        await Task.WhenAll(readers);

        async Task WriteAsync(int number)
        {
            byte[] content = new byte[150_000];
            Array.Fill(content, (byte)number);
            await writer.UploadBytesAsync("/f", content);
            Volatile.Write(ref acknowledged, number);
        }

        async Task ReadAllAsync()
        {
            int reads = 0;
            for (int before = Volatile.Read(ref acknowledged); before >= 0; before = Volatile.Read(ref acknowledged))
            {
                byte[] content = await reader.ReadBytesAsync("/f");
                Assert.That(content[0], Is.GreaterThanOrEqualTo(before));
                Assert.That(content.AsSpan().ContainsAnyExcept(content[0]), Is.False);
                reads++;
            }

            TestContext.Out.WriteLine($"FIGURE {reads} reads");
        }
    }

    [Test]
    public async Task What_a_caller_knows_holds_for_its_version_and_while_its_volume_stands_in_the_same_epoch()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        (string _, string key) = await cluster.KeyAsync("rw", "/own");
        await using BigFsClient client = cluster.Client(key);
        var patience = new ControlTimeouts { Connect = TimeSpan.FromSeconds(5), Operation = TimeSpan.FromSeconds(15) };
        await using var seams = new GrpcFileServer(
            cluster.ControlEndpoint, patience, TimeProvider.System, ChannelSecurity.Of(key, null));
        IFileServer files = seams;
        await client.UploadBytesAsync("/directory/file", new byte[100_000]);
        OpenedFile opened = (await files.OpenAsync("/directory/file", default))!;
        KnownFile known = KnownFile.Of(opened)!;

        Assert.That(await files.OpenChangedAsync("/directory/file", known, default), Is.Null);
        OpenedChange? elsewhere = await files.OpenChangedAsync("/directory/file", known with { Epoch = known.Epoch + 1 }, default);
        Assert.That(elsewhere?.Found?.File, Is.EqualTo(opened.File));
        Assert.That(elsewhere!.Found!.Locations.Single().Epoch, Is.EqualTo(known.Epoch));
        OpenedChange? other = await files.OpenChangedAsync("/directory/file", known with { Volume = new VolumeId(known.Volume.Value + 1000) }, default);
        Assert.That(other?.Found?.File, Is.EqualTo(opened.File));
        OpenedChange? absent = await files.OpenChangedAsync("/directory/absent", known, default);
        Assert.That(absent, Is.EqualTo(new OpenedChange(null)));
        BigFsException directory = (await Assert.ThrowsAsync<BigFsException>(
            () => files.OpenChangedAsync("/directory", known, default).AsTask()))!;
        Assert.That(directory.Code, Is.EqualTo(BigFsErrorCode.IsDirectory));

        await client.UploadBytesAsync("/directory/file", new byte[] { 1, 2, 3 });
        OpenedChange? changed = await files.OpenChangedAsync("/directory/file", known, default);
        Assert.That(changed?.Found?.File.Size, Is.EqualTo(3));
        Assert.That(changed!.Found!.File.Path, Is.EqualTo((BigFsPath)"/directory/file"));
        Assert.That(await files.OpenChangedAsync("/directory/file", KnownFile.Of(changed.Found)!, default), Is.Null);
    }

    private static async Task<byte[]?> ReadAsync(BigFsClient client, string path)
    {
        try
        {
            return await client.ReadBytesAsync(path);
        }
        catch (BigFsException missing) when (missing.Code == BigFsErrorCode.NotFound)
        {
            return null;
        }
    }
}

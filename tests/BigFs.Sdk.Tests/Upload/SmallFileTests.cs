using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Sdk.Tests.Upload;

internal sealed class SmallFileTests
{
    private const int InlineLimit = 64 << 10;

    [Test]
    public async Task Small_files_share_one_session_and_cost_one_control_call_each()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();

        await Parallel.ForEachAsync(Enumerable.Range(0, 400), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) =>
        {
            UploadResult result = await client.UploadBytesAsync($"/d/{i}", Make.Bytes(i + 1));
            Assert.That((result.Receipt.Chunks, result.Receipt.Replicas, result.Receipt.Inline), Is.EqualTo((1, 2, false)));
        });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(cluster.FileServer.Count("begin-shared"), Is.EqualTo(1));
            Assert.That(cluster.FileServer.Count("begin"), Is.Zero);
            Assert.That(cluster.FileServer.Count("commit-file"), Is.EqualTo(400));
            Assert.That(cluster.FileServer.Count("grant"), Is.LessThan(100), "in batches, which grow with the demand");
            Assert.That(
                cluster.FileServer.FileCommits.SelectMany(commit => commit.Manifest).Select(chunk => chunk.Key),
                Is.Unique, "a grant is for one chunk");
            Assert.That(cluster.FileServer.Operations, Is.Unique);
            Assert.That(cluster.FileServer.Aborted, Is.Empty);
        }

        Assert.That(await client.ReadBytesAsync("/d/399"), Is.EqualTo(Make.Bytes(400)));
    }

    [TestCase(1, true)]
    [TestCase((64 << 10) - 1, false)]
    [TestCase(64 << 10, true)]
    [TestCase(64 << 10, false)]
    [TestCase((64 << 10) + 1, true)]
    [TestCase((64 << 10) + 1, false)]
    public async Task Content_around_the_first_chunks_end_arrives_whole_whether_its_length_is_known(int length, bool known)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(length);
        using Stream source = known ? new MemoryStream(content) : new PipeLikeStream(content, 1000);

        UploadResult result = await client.UploadAsync("/a", source, new UploadOptions { ChunkSize = 64 << 10 });

        Assert.That(result.File.Size, Is.EqualTo(length));
        Assert.That(result.Receipt.Chunks, Is.EqualTo(length > 64 << 10 ? 2 : 1));
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
    }

    [Test]
    public async Task A_file_that_grows_while_it_is_read_goes_up_whole()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        using var source = new GrowingStream(Make.Bytes(300_000), saidLength: 1000);

        UploadResult result = await client.UploadAsync("/a", source, new UploadOptions { ChunkSize = 64 << 10 });

        Assert.That(result.File.Size, Is.EqualTo(300_000));
        Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(Make.Bytes(300_000)));
    }

    [Test]
    public async Task A_session_that_ended_is_replaced_and_the_file_sent_again_from_its_buffer()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        await client.UploadBytesAsync("/a", Make.Bytes(10));
        cluster.FileServer.EndShared();

        await client.UploadBytesAsync("/b", Make.Bytes(20));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(cluster.FileServer.Count("begin-shared"), Is.EqualTo(2));
            Assert.That(cluster.Files["/b"].File.Size, Is.EqualTo(20));
            Assert.That(
                cluster.FileServer.Aborted.Single(), Is.EqualTo(cluster.FileServer.FileCommits.ToArray()[1].Manifest), "what was written in vain");
        }
    }

    [Test]
    public async Task A_refused_commit_hands_its_chunk_back()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        cluster.FileServer.Before = (call, _) => call == "commit-file"
            ? throw new BigFsException(BigFsErrorCode.PreconditionFailed, "Not that one.")
            : Task.CompletedTask;

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadBytesAsync("/a", Make.Bytes(10))))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.PreconditionFailed));
        Assert.That(cluster.FileServer.Aborted.Single(), Is.EquivalentTo(cluster.Transport.Writes).And.Not.Empty);
    }

    [Test]
    public async Task A_failed_replica_costs_one_try_more_and_the_first_is_discarded()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        int writes = 0;
        cluster.Transport.OnWrite = (grant, _) => Task.FromResult(
            Interlocked.Increment(ref writes) == 1
                ? (ChunkStatus.Unreachable, (NodeId?)grant.Pipeline[0].Id)
                : (ChunkStatus.Ok, null));

        await client.UploadBytesAsync("/a", Make.Bytes(10));

        CommitFileRequest commit = cluster.FileServer.FileCommits.Single();
        Assert.That((commit.Manifest.Length, commit.Discarded.Length), Is.EqualTo((1, 1)));
        Assert.That(commit.Discarded.Concat(commit.Manifest), Is.EqualTo(cluster.Transport.Writes));
    }

    [Test]
    public async Task With_too_few_nodes_a_small_file_is_refused_at_once_even_when_grants_were_at_hand()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client(stallSeconds: 600, operationSeconds: 600);
        await client.UploadBytesAsync("/before", Make.Bytes(10));
        cluster.Down[cluster.Nodes[0].Id] = true;
        cluster.Down[cluster.Nodes[1].Id] = true;
        cluster.FileServer.Before = (call, _) => call == "grant"
            ? throw new BigFsException(BigFsErrorCode.NotEnoughNodes, "1 datanodes are up, 2 are needed.")
            : Task.CompletedTask;

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => client.UploadBytesAsync("/a", Make.Bytes(10)).WaitAsync(TimeSpan.FromSeconds(30))))!;

        Assert.That((error.Code, error.Path), Is.EqualTo((BigFsErrorCode.NotEnoughNodes, "/a")));
        Assert.That(cluster.Files, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Content_that_fits_goes_into_the_metadata_when_the_caller_says_so(
        [Values] bool known, [Values(0, 1, InlineLimit, InlineLimit + 1)] int length)
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        byte[] content = Make.Bytes(length);
        using Stream source = known ? new MemoryStream(content) : new PipeLikeStream(content, 5000);

        UploadResult result = await client.UploadAsync("/a", source, new UploadOptions { Inline = true });

        bool inline = length is > 0 and <= InlineLimit;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Receipt.Inline, Is.EqualTo(inline));
            Assert.That(result.Receipt.Chunks, Is.EqualTo(length > InlineLimit ? 1 : 0));
            Assert.That(result.Receipt.MetadataCopies, Is.EqualTo(1));
            Assert.That(cluster.Transport.Writes, Has.Count.EqualTo(length > InlineLimit ? 1 : 0));
            Assert.That(await client.ReadBytesAsync("/a"), Is.EqualTo(content));
        }

        await using BigFsReadStream stream = await client.OpenReadAsync("/a");
        stream.Position = length / 2;
        using var rest = new MemoryStream();
        await stream.CopyToAsync(rest);
        Assert.That(rest.ToArray(), Is.EqualTo(content[(length / 2)..]));
    }

    [Test]
    public async Task Content_in_the_metadata_that_was_damaged_reaches_nobody()
    {
        var cluster = new FakeCluster();
        await using BigFsClient client = cluster.Client();
        await client.UploadBytesAsync("/a", Make.Bytes(100), new UploadOptions { Inline = true });
        cluster.Files["/a"].Content[50] ^= 1;

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.ReadBytesAsync("/a")))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Damaged));
    }

    private sealed class GrowingStream(byte[] content, long saidLength) : MemoryStream(content)
    {
        public override long Length => saidLength;
    }
}

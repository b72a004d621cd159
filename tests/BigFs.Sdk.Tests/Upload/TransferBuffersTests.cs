using BigFs.Internal;
using BigFs.Internal.Upload;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Sdk.Tests.Upload;

/// <summary>Memory that cannot be had.</summary>
[CancelAfter(20_000)]
internal sealed class TransferBuffersTests
{
    /// <summary>Longer than any array can be.</summary>
    private const int TooLong = int.MaxValue;

    [Test]
    public async Task A_buffer_that_cannot_be_had_keeps_no_other_from_being_rented(CancellationToken deadline)
    {
        using var buffers = new TransferBuffers(1, new LargeBuffers(TimeProvider.System));
        Assert.That(async () => await buffers.RentAsync(TooLong, deadline), Throws.InstanceOf<OutOfMemoryException>());
        Assert.That(() => buffers.Rent(TooLong, deadline), Throws.InstanceOf<OutOfMemoryException>());
        Assert.That(await buffers.RentAsync(1 << 10, deadline), Has.Length.AtLeast(1 << 10));
    }

    [Test]
    public async Task Large_buffers_are_used_again_and_a_client_at_rest_keeps_little(CancellationToken deadline)
    {
        var time = new FakeTimeProvider();
        using var large = new LargeBuffers(time);
        var running = new TransferBuffers(1, large);
        using (var transfer = new TransferBuffers(20, large))
        {
            byte[] first = await transfer.RentAsync(8 << 20, deadline);
            transfer.Return(first);
            Assert.That(await transfer.RentAsync(8 << 20, deadline), Is.SameAs(first));
            transfer.Return(first);
            byte[][] many = [.. Enumerable.Range(0, 20).Select(_ => transfer.Rent(8 << 20, deadline))];
            Assert.That(many.Distinct().Count(), Is.EqualTo(20));
            Array.ForEach(many, transfer.Return);
            Assert.That(large.KeptBytes, Is.EqualTo(64 << 20));
        }

        Assert.That(large.KeptBytes, Is.EqualTo(64 << 20), "another transfer still runs");
        running.Dispose();
        time.Advance(LargeBuffers.Rest / 2);
        using (new TransferBuffers(1, large))
        {
            time.Advance(LargeBuffers.Rest);
        }

        Assert.That(large.KeptBytes, Is.EqualTo(64 << 20), "one transfer follows the other");
        time.Advance(LargeBuffers.Rest);
        Assert.That(large.KeptBytes, Is.EqualTo(16 << 20));
    }

    [Test]
    public async Task A_larger_buffer_serves_where_a_smaller_one_would_do(CancellationToken deadline)
    {
        using var large = new LargeBuffers(TimeProvider.System);
        using var transfer = new TransferBuffers(2, large);
        byte[] first = await transfer.RentAsync(8 << 20, deadline);
        transfer.Return(first);
        Assert.That(await transfer.RentAsync(4 << 20, deadline), Is.SameAs(first));
        Assert.That(await transfer.RentAsync(2 << 20, deadline), Is.Not.SameAs(first));
    }

    [Test]
    public async Task Buffers_of_different_lengths_are_all_used_again(CancellationToken deadline)
    {
        using var large = new LargeBuffers(TimeProvider.System);
        using var transfer = new TransferBuffers(2, large);
        byte[] longer = await transfer.RentAsync(8 << 20, deadline);
        byte[] shorter = await transfer.RentAsync(2 << 20, deadline);
        transfer.Return(shorter);
        transfer.Return(longer);

        Assert.That(await transfer.RentAsync(2 << 20, deadline), Is.SameAs(shorter), "the long one is left to who needs it");
        Assert.That(await transfer.RentAsync(8 << 20, deadline), Is.SameAs(longer));
        transfer.Return(longer);
        transfer.Return(shorter);
        Assert.That(await transfer.RentAsync(8 << 20, deadline), Is.SameAs(longer));
    }

    [Test]
    public async Task What_lay_longest_goes_when_too_much_is_kept(CancellationToken deadline)
    {
        using var large = new LargeBuffers(TimeProvider.System);
        using var transfer = new TransferBuffers(33, large);
        byte[][] shorter = [.. Enumerable.Range(0, 32).Select(_ => transfer.Rent(2 << 20, deadline))];
        byte[] longer = await transfer.RentAsync(8 << 20, deadline);
        Array.ForEach(shorter, transfer.Return);
        transfer.Return(longer);

        Assert.That(large.KeptBytes, Is.EqualTo(64 << 20));
        Assert.That(await transfer.RentAsync(8 << 20, deadline), Is.SameAs(longer));
        Assert.That(await transfer.RentAsync(2 << 20, deadline), Is.SameAs(shorter[^1]));
    }

    [Test]
    public async Task Content_is_incomplete_after_a_write_that_failed_in_any_way([Values] bool asynchronously)
    {
        var cluster = new FakeCluster();
        await using var context = new ClientContext(
            ClientSettings.Of(new BigFsClientOptions(), remote: false),
            () => new ClientSeams { FileServer = cluster.FileServer, Transport = cluster.Transport },
            ownsSeams: false,
            TimeProvider.System,
            NullLogger.Instance);
        UploadPlan plan = UploadPlan.Of("/a", null) with { ChunkSize = TooLong };
        await using ChunkUpload upload = await ChunkUpload.BeginAsync(context, plan, null, default, default);
        await using var content = new UploadContent(context, upload);
        byte[] bytes = new byte[2 << 20];

        Assert.That(
            async () =>
            {
                if (asynchronously)
                {
                    await content.WriteAsync(bytes);
                }
                else
                {
                    content.Write(bytes);
                }
            },
            Throws.InstanceOf<OutOfMemoryException>());

        Assert.That(content.End, Throws.InvalidOperationException);
    }
}

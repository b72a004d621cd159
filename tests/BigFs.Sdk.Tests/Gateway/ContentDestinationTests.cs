using System.Buffers;
using BigFs.Core.Chunking;
using BigFs.Internal.Grpc;

namespace BigFs.Sdk.Tests.Gateway;

/// <summary>Bytes of a content stream on their way into the reader's memory.</summary>
internal sealed class ContentDestinationTests
{
    [Test]
    public void What_was_taken_has_the_checksum_that_is_told([Values(0, 1, 32 << 10, 100_001)] int length)
    {
        byte[] content = Make.Bytes(length), back = new byte[length];
        using var destination = new ContentDestination(back);
        for (int at = 0; at < length; at += 40_000)
        {
            destination.Take(new ReadOnlySequence<byte>(content, at, Math.Min(40_000, length - at)));
        }

        Assert.That((destination.Filled, destination.Crc32C, destination.IsOverfull), Is.EqualTo((length, Crc32C.Compute(content), false)));
        Assert.That(back, Is.EqualTo(content));
    }

    [Test]
    public void More_than_there_is_room_for_is_not_taken_and_noticed()
    {
        byte[] back = new byte[10];
        using var destination = new ContentDestination(back.AsMemory(0, 8));
        destination.Take(new ReadOnlySequence<byte>(Make.Bytes(5)));
        destination.Take(new ReadOnlySequence<byte>(Make.Bytes(4)));

        Assert.That((destination.Filled, destination.IsOverfull), Is.EqualTo((5, true)));
        Assert.That(back[5..], Is.All.Zero);
    }

    [Test]
    public void Nothing_is_written_after_the_reader_has_gone()
    {
        byte[] back = new byte[10];
        var destination = new ContentDestination(back);
        destination.Dispose();
        destination.Take(new ReadOnlySequence<byte>(Make.Bytes(5)));

        Assert.That(destination.IsOverfull, Is.True);
        Assert.That(back, Is.All.Zero);
    }
}

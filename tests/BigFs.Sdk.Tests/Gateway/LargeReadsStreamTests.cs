using BigFs.Internal.Grpc;

namespace BigFs.Sdk.Tests.Gateway;

/// <summary>Reads of a connection that are few and large.</summary>
[CancelAfter(20_000)]
internal sealed class LargeReadsStreamTests
{
    [Test]
    public async Task All_bytes_come_in_order_whatever_is_asked_for_and_comes(CancellationToken deadline)
    {
        var random = new Random(20260131);
        byte[] content = new byte[3 << 20];
        random.NextBytes(content);
        await using var stream = new LargeReadsStream(new Portions(content, () => random.Next(1, 400_000)));
        byte[] back = new byte[content.Length];
        int filled = 0;
        while (filled < back.Length)
        {
            Memory<byte> room = back.AsMemory(filled, Math.Min(random.Next(1, 20_000), back.Length - filled));
            int read = random.Next(2) == 0 ? await stream.ReadAsync(room, deadline) : stream.Read(room.Span);
            Assert.That(read, Is.InRange(1, room.Length));
            filled += read;
        }

        Assert.That(back.AsSpan().SequenceEqual(content), Is.True);
        Assert.That(await stream.ReadAsync(new byte[1], deadline), Is.Zero, "the end");
    }

    [Test]
    public async Task Small_reads_ask_the_connection_once_for_what_is_there(CancellationToken deadline)
    {
        var connection = new Portions(new byte[LargeReadsStream.Size * 2], () => int.MaxValue);
        await using var stream = new LargeReadsStream(connection);
        byte[] frame = new byte[16 << 10];
        for (int i = 0; i < LargeReadsStream.Size / frame.Length; i++)
        {
            Assert.That(await stream.ReadAsync(frame, deadline), Is.EqualTo(frame.Length));
        }

        Assert.That(connection.Reads, Is.EqualTo(1));
    }

    [Test]
    public async Task A_read_of_nothing_asks_the_connection_only_when_nothing_is_held(CancellationToken deadline)
    {
        var connection = new Portions(new byte[10], () => 10);
        await using var stream = new LargeReadsStream(connection);
        Assert.That(await stream.ReadAsync(Memory<byte>.Empty, deadline), Is.Zero);
        Assert.That(connection.Reads, Is.EqualTo(1), "it waits there for bytes");
        Assert.That(await stream.ReadAsync(new byte[4], deadline), Is.EqualTo(4));
        Assert.That(await stream.ReadAsync(Memory<byte>.Empty, deadline), Is.Zero);
        Assert.That(connection.Reads, Is.EqualTo(2), "six bytes are there");
    }

    /// <summary>A connection on which the content comes in portions.</summary>
    private sealed class Portions(byte[] content, Func<int> next) : MemoryStream(content)
    {
        public int Reads { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(buffer.Span));

        public override int Read(Span<byte> buffer)
        {
            Reads++;
            return base.Read(buffer[..Math.Min(next(), buffer.Length)]);
        }
    }
}

using System.Buffers.Binary;
using BigFs.Hosting.Gateway.Proxy;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Proxy;

/// <summary>Where the body of a call ends when the gateway stops.</summary>
internal sealed class CallBodyTests
{
    [Test]
    public async Task A_stop_ends_it_behind_the_message_that_was_begun([Values(1, 3, 5, 6, 12, 40)] int read, [Values(1, 4, 64)] int piece)
    {
        // Messages of 5, 12, 5 and 25 bytes, prefixes included.
        int[] ends = [5, 17, 22, 47];
        byte[] all = [.. new[] { 0, 7, 0, 20 }.SelectMany(Message)];
        using var stop = new CancellationTokenSource();
        using var body = new CallBody(new MemoryStream(all), stop.Token);
        byte[] buffer = new byte[read];
        await body.ReadExactlyAsync(buffer);

        await stop.CancelAsync();
        var rest = new MemoryStream();
        byte[] next = new byte[piece];
        while (await body.ReadAsync(next) is > 0 and int count)
        {
            rest.Write(next, 0, count);
        }

        int expected = ends.First(end => end >= read);
        Assert.That(rest.ToArray(), Is.EqualTo(all[read..expected]));
    }

    [Test]
    public async Task A_stop_ends_a_read_that_waits_for_the_next_message()
    {
        var pipe = new System.IO.Pipelines.Pipe();
        using var stop = new CancellationTokenSource();
        using var body = new CallBody(pipe.Reader.AsStream(), stop.Token);
        await pipe.Writer.WriteAsync(Message(0));
        await body.ReadExactlyAsync(new byte[5]);

        ValueTask<int> waiting = body.ReadAsync(new byte[10]);
        await stop.CancelAsync();

        Assert.That(await waiting, Is.Zero);
    }

    [Test]
    public async Task A_stop_before_the_first_message_ends_it_behind_that([Values] bool waits)
    {
        var pipe = new System.IO.Pipelines.Pipe();
        using var stop = new CancellationTokenSource();
        using var body = new CallBody(pipe.Reader.AsStream(), stop.Token);
        ValueTask<int> first = waits ? body.ReadAsync(new byte[5]) : default;

        await stop.CancelAsync();

        byte[] all = [.. Message(7), .. Message(3)];
        await pipe.Writer.WriteAsync(all);
        int begun = waits ? await first : 0;
        var rest = new MemoryStream();
        await body.CopyToAsync(rest);
        Assert.That(begun + rest.Length, Is.EqualTo(12));
    }

    private static byte[] Message(int length)
    {
        byte[] message = new byte[5 + length];
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), length);
        return message;
    }
}

using System.Net;
using System.Net.Sockets;
using BigFs.Core.Transfer;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

[TestFixture]
public sealed class MultiplexedSocketTests
{
    private Socket _peer = null!;
    private MultiplexedSocket _socket = null!;

    [SetUp]
    public async Task Connect()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await _peer.ConnectAsync(listener.LocalEndpoint);
        _socket = new MultiplexedSocket(await listener.AcceptSocketAsync(), "peer");
    }

    [TearDown]
    public void Close()
    {
        _socket.Dispose();
        _peer.Dispose();
    }

    [Test]
    public async Task What_is_held_back_leaves_together_and_in_order_when_it_is_let_go()
    {
        _socket.Hold();
        for (ulong id = 1; id <= 3; id++)
        {
            _socket.Post(FrameType.Waiting, id, []);
        }

        Assert.That(_socket.Backlog, Is.EqualTo(3 * FrameHeader.Size), "nothing has begun to leave");
        _socket.Release();

        Assert.That(await ReceiveAsync(3), Is.EqualTo(new ulong[] { 1, 2, 3 }));
        Assert.That(_socket.Backlog, Is.Zero);
        _socket.Post(FrameType.Waiting, 4, []);
        Assert.That(await ReceiveAsync(1), Is.EqualTo(new ulong[] { 4 }), "afterwards nothing is held back");
    }

    [Test]
    public async Task Letting_go_of_nothing_sends_nothing_and_ends_the_holding()
    {
        _socket.Hold();
        _socket.Release();
        await _socket.DrainAsync();

        _socket.Post(FrameType.Waiting, 7, []);

        Assert.That(await ReceiveAsync(1), Is.EqualTo(new ulong[] { 7 }));
    }

    [Test]
    public async Task With_company_everything_posted_arrives_in_order()
    {
        _socket.HasCompany = static () => true;
        ulong[] ids = [.. Enumerable.Range(1, 500).Select(id => (ulong)id)];
        foreach (ulong id in ids)
        {
            _socket.Post(FrameType.Waiting, id, []);
        }

        Assert.That(await ReceiveAsync(ids.Length), Is.EqualTo(ids));
    }

    private async Task<ulong[]> ReceiveAsync(int frames)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var bytes = new byte[frames * FrameHeader.Size];
        for (int filled = 0; filled < bytes.Length;)
        {
            int count = await _peer.ReceiveAsync(bytes.AsMemory(filled), limit.Token);
            Assert.That(count, Is.Positive, "the stream ended");
            filled += count;
        }

        return [.. Enumerable.Range(0, frames).Select(i => Decode(bytes.AsSpan(i * FrameHeader.Size)))];
    }

    private static ulong Decode(ReadOnlySpan<byte> bytes)
    {
        Assert.That(FrameHeader.TryDecode(bytes, out FrameHeader header));
        return header.RequestId;
    }
}

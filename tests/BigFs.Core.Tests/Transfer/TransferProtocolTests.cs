using System.Net.Sockets;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>What strangers and broken peers send.</summary>
[TestFixture]
internal sealed class TransferProtocolTests
{
    [Test]
    public async Task Random_bytes_never_harm_the_server()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        var hello = new byte[Hello.Size];
        Hello.Own.Encode(hello);
        Gen<byte[]> header = Gen.Select(Gen.Byte[0, 24], Gen.UInt[0, 300], (type, length) =>
        {
            var bytes = new byte[FrameHeader.Size];
            new FrameHeader((int)length, (FrameType)type, 1).Encode(bytes);
            return bytes;
        });
        Gen<byte[]> poison = Gen.OneOf(
            Gen.Byte.Array[0, 200],
            Gen.Select(Gen.Byte.Array[0, 400], bytes => (byte[])[.. hello, .. bytes]),
            Gen.Select(header, Gen.Byte.Array[0, 400], (head, bytes) => (byte[])[.. hello, .. head, .. bytes]));

        await poison.SampleAsync(
            async bytes =>
            {
                using Socket socket = await SocketToAsync(bench);
                await socket.SendAsync(bytes);
                socket.Shutdown(SocketShutdown.Send);
                await ReadToEndAsync(socket);
            },
            seed: "0N0XIzNsQ0O2",
            iter: 300,
            threads: 1);

        Assert.That(
            await TransferBench.ReadAbsentAsync(bench.Client, bench.Nodes[0]), Is.EqualTo(ChunkStatus.ChunkNotFound));
        Assert.That(bench.Stores[0].AppendCount, Is.Zero);
    }

    [TestCase(16, 0x7fff_ffffu)]
    [TestCase(16, (uint)FrameHeader.MaxData + 1)]
    [TestCase(1, (uint)FrameHeader.MaxMessage + 1)]
    [TestCase(2, 0xffff_ffffu)]
    public async Task A_frame_length_above_its_limit_is_refused_before_anything_is_allocated(int type, uint length)
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        using Socket socket = await SocketToAsync(bench);
        var bytes = new byte[Hello.Size + FrameHeader.Size];
        Hello.Own.Encode(bytes);
        BitConverter.TryWriteBytes(bytes.AsSpan(Hello.Size), length);
        bytes[Hello.Size + 4] = (byte)type;
        await socket.SendAsync(bytes);

        byte[] answer = await ReadToEndAsync(socket);

        Assert.That(FrameHeader.TryDecode(answer.AsSpan(Hello.Size), out FrameHeader header), Is.True);
        Assert.That(header.Type, Is.EqualTo(FrameType.Error));
        ErrorAnswer? error = ErrorAnswer.Decode(answer.AsSpan(Hello.Size + FrameHeader.Size));
        Assert.That(error?.Status, Is.EqualTo(ChunkStatus.Malformed));
    }

    [Test]
    public async Task Another_magic_gets_no_word_and_another_version_gets_the_servers()
    {
        await using TransferBench bench = await TransferBench.StartAsync(1);
        var hello = new byte[Hello.Size];
        new Hello(2, 9, 0).Encode(hello);
        using Socket newer = await SocketToAsync(bench);
        using Socket stranger = await SocketToAsync(bench);
        await newer.SendAsync(hello);
        await stranger.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        newer.Shutdown(SocketShutdown.Send);

        byte[] toNewer = await ReadToEndAsync(newer);

        Assert.That(await ReadToEndAsync(stranger), Is.Empty);
        Assert.That(Hello.TryDecode(toNewer, out Hello own), Is.True);
        Assert.That((own, toNewer.Length), Is.EqualTo((Hello.Own, Hello.Size)));
    }

    [Test]
    public async Task A_client_names_the_versions_that_do_not_meet()
    {
        await using TransferBench bench = await TransferBench.StartAsync(0);
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        listener.Listen();
        var node = new NodeAddress(TransferBench.NodeOf(3), $"127.0.0.1:{((System.Net.IPEndPoint)listener.LocalEndPoint!).Port}");
        Task<ChunkWriteResult> writing = bench.WriteAsync(bench.Grant(node), new byte[10]);
        using Socket socket = await listener.AcceptAsync();
        var hello = new byte[Hello.Size];
        new Hello(5, 6, 0).Encode(hello);
        await socket.SendAsync(hello);

        ChunkWriteResult result = await writing;

        Assert.That(result.Status, Is.EqualTo(ChunkStatus.Malformed));
        Assert.That(result.Detail, Does.Contain("5 to 6"));
    }

    [Test]
    public async Task A_write_that_breaks_off_anywhere_gives_its_buffer_back()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        byte[] payload = TransferBench.Payload(100_000);
        byte[] stream = WriteStream(bench, payload);
        foreach (int length in new[] { 1, 15, 16, 17, 40, 200, Hello.Size + 130, 5_000, stream.Length - 1 })
        {
            using Socket socket = await SocketToAsync(bench);
            await socket.SendAsync(stream.AsMemory(0, length));
            socket.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync(socket);
        }

        await bench.BuffersComeBackAsync();
        Assert.That(bench.Stores.Sum(store => store.AppendCount), Is.Zero);
        using Socket whole = await SocketToAsync(bench);
        await whole.SendAsync(stream);
        whole.Shutdown(SocketShutdown.Send);
        await ReadToEndAsync(whole);
        Assert.That(bench.Stores.Sum(store => store.AppendCount), Is.EqualTo(2), "the same bytes in full are a write");
    }

    [Test]
    public async Task More_data_than_announced_is_refused_and_nothing_is_stored()
    {
        await using TransferBench bench = await TransferBench.StartAsync(2);
        byte[] stream = WriteStream(bench, TransferBench.Payload(1000), extra: 1);
        using Socket socket = await SocketToAsync(bench);
        await socket.SendAsync(stream);

        byte[] answer = await ReadToEndAsync(socket);

        ErrorAnswer? error = ErrorAnswer.Decode(answer.AsSpan(Hello.Size + FrameHeader.Size));
        Assert.That(error?.Status, Is.EqualTo(ChunkStatus.Malformed));
        Assert.That(bench.Stores.Sum(store => store.AppendCount), Is.Zero);
    }

    [Test]
    public void Every_message_reads_as_it_was_written_and_never_when_cut_short()
    {
        Gen.Select(Gen.Long, Gen.ULong, Gen.Int[1, Limits.MaxChunkSize], Gen.UInt, Gen.Int[1, Limits.MaxReplicas]).Sample(
            (volume, key, length, crc32C, count) =>
            {
                var write = new WriteRequest
                {
                    Volume = new VolumeId(volume),
                    Epoch = ~volume,
                    Key = new ChunkKey(key),
                    Length = length,
                    Crc32C = crc32C,
                    Pipeline = [.. Enumerable.Range(0, count).Select(i => new NodeAddress(TransferBench.NodeOf(i), $"hóst{i}:{i + 1}"))],
                    Position = count - 1,
                    Capability = [.. BitConverter.GetBytes(crc32C)],
                };
                var bytes = new byte[FrameHeader.MaxMessage];
                int used = write.Encode(bytes);
                WriteRequest? read = WriteRequest.Decode(bytes.AsSpan(0, used));
                Assert.That(read! with { Pipeline = write.Pipeline, Capability = write.Capability }, Is.EqualTo(write));
                Assert.That(read.Pipeline, Is.EqualTo(write.Pipeline));
                Assert.That(read.Capability, Is.EqualTo(write.Capability));
                Assert.That(WriteRequest.Decode(bytes.AsSpan(0, used - 1)), Is.Null);
                Assert.That(WriteRequest.Decode(bytes.AsSpan(0, used + 1)), Is.Null);

                var error = new ErrorAnswer(ChunkStatus.Stalled, TransferBench.NodeOf(count), new string('é', length % 3000));
                used = error.Encode(bytes);
                ErrorAnswer? readError = ErrorAnswer.Decode(bytes.AsSpan(0, used));
                Assert.That(readError?.Node, Is.EqualTo(error.Node));
                Assert.That(error.Text, Does.StartWith(readError!.Value.Text));
                Assert.That(ErrorAnswer.Decode(bytes.AsSpan(0, used - 1)), Is.Null);
            },
            seed: "0N0XIzNsQ0O2",
            iter: 300);
    }

    private static byte[] WriteStream(TransferBench bench, byte[] payload, int extra = 0)
    {
        var request = new WriteRequest
        {
            Volume = TransferBench.Volume,
            Epoch = 3,
            Key = ChunkKey.Create(3, 1),
            Length = payload.Length,
            Crc32C = Crc32C.Compute(payload),
            Pipeline = [.. bench.Nodes],
            Position = 0,
            Capability = TransferBench.Signer.SignWrite(
                TransferBench.Volume, 3, [.. bench.Nodes.Select(node => node.Id)], ChunkKey.Create(3, 1), payload.Length),
        };
        var message = new byte[FrameHeader.MaxMessage];
        message = message[..request.Encode(message)];
        var bytes = new byte[Hello.Size + (2 * FrameHeader.Size) + message.Length + payload.Length + extra];
        Hello.Own.Encode(bytes);
        new FrameHeader(message.Length, FrameType.Write, 1).Encode(bytes.AsSpan(Hello.Size));
        message.CopyTo(bytes.AsSpan(Hello.Size + FrameHeader.Size));
        int data = Hello.Size + FrameHeader.Size + message.Length;
        new FrameHeader(payload.Length + extra, FrameType.Data, 1).Encode(bytes.AsSpan(data));
        payload.CopyTo(bytes.AsSpan(data + FrameHeader.Size));
        return bytes;
    }

    private static async Task<Socket> SocketToAsync(TransferBench bench)
    {
        TransferEndpoint.TryParse(bench.Nodes[0].TransferEndpoint, out TransferEndpoint endpoint);
        Socket socket = endpoint.CreateSocket();
        await socket.ConnectAsync(endpoint.Host, endpoint.Port);
        return socket;
    }

    private static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        using var all = new MemoryStream();
        var bytes = new byte[4096];
        try
        {
            for (int received = -1; received != 0;)
            {
                received = await socket.ReceiveAsync(bytes, deadline.Token);
                all.Write(bytes, 0, received);
                if (all.Length > Hello.Size && socket.Available == 0)
                {
                    // A server that has refused lingers for this side to close.
                    FrameHeader.TryDecode(all.GetBuffer().AsSpan(Hello.Size), out FrameHeader header);
                    if (header.Type == FrameType.Error && all.Length >= Hello.Size + FrameHeader.Size + header.Length)
                    {
                        break;
                    }
                }
            }
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            // An end too: the server closed over bytes that it did not want to read.
            return all.ToArray();
        }

        return all.ToArray();
    }
}

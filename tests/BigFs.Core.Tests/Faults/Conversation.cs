using System.Net.Sockets;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Tests.Transfer;
using BigFs.Core.Transfer;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>What a client says on a connection, as bytes: valid ones, changed ones, and what a server answers.</summary>
internal static class Conversation
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>A hello and a few requests: writes with their data, reads.</summary>
    public static byte[] Make(NodeAddress node, Random random)
    {
        var bytes = new List<byte[]> { Written(to => (random.Next(2) == 0 ? Hello.Own : Hello.OwnMultiplexed).Encode(to), Hello.Size) };
        for (ulong id = 1; id <= (ulong)random.Next(1, 4); id++)
        {
            byte[] payload = TransferBench.Payload(random.Next(1, 3000), random.Next());
            ChunkKey key = ChunkKey.Create(3, random.Next(1, 5));
            if (random.Next(2) == 0)
            {
                Add(bytes, FrameType.Read, id, to => new ReadRequest(
                    TransferBench.Volume, key, 0, random.Next(100), TransferBench.ReadCapability(node.Id)).Encode(to));
                continue;
            }

            Add(bytes, FrameType.Write, id, to => new WriteRequest
            {
                Volume = TransferBench.Volume,
                Epoch = 3,
                Key = key,
                Length = payload.Length,
                Crc32C = Crc32C.Compute(payload),
                Pipeline = [node],
                Position = 0,
                Capability = TransferBench.Signer.SignWrite(TransferBench.Volume, 3, [node.Id], key, Limits.MaxChunkSize),
            }.Encode(to));
            Add(bytes, FrameType.Data, id, to =>
            {
                payload.CopyTo(to, 0);
                return payload.Length;
            });
        }

        return [.. bytes.SelectMany(part => part)];
    }

    /// <summary>Changes frames as a whole: their order, number, type, request or stated length.</summary>
    public static byte[] Change(byte[] conversation, Random random)
    {
        List<byte[]> parts = Split(conversation);
        int at = random.Next(parts.Count);
        byte[] part = parts[at];
        switch (random.Next(6))
        {
            case 0:
                parts.Insert(at, [.. part]);
                break;
            case 1:
                parts.RemoveAt(at);
                break;
            case 2:
                int other = random.Next(parts.Count);
                (parts[at], parts[other]) = (parts[other], parts[at]);
                break;
            case 3 when part.Length >= FrameHeader.Size:
                part[4] = (byte)random.Next(0, 20); // the type; of a hello, a version
                break;
            case 4 when part.Length >= FrameHeader.Size:
                part[8] = (byte)random.Next(0, 5); // the request; of a hello, the features
                break;
            case 5 when part.Length >= FrameHeader.Size:
                BitConverter.TryWriteBytes(part, part.Length - FrameHeader.Size + random.Next(-2, 3));
                break;
        }

        return [.. parts.SelectMany(one => one)];
    }

    /// <summary>Says it all to a server and hears it out; returns what kinds of frames it answered with.</summary>
    public static long Hold(NodeAddress node, byte[] conversation)
    {
        Assert.That(TransferEndpoint.TryParse(node.TransferEndpoint, out TransferEndpoint endpoint));
        using Socket socket = endpoint.CreateSocket();
        socket.ReceiveTimeout = socket.SendTimeout = (int)Deadline.TotalMilliseconds;
        socket.LingerState = new LingerOption(true, 0); // thousands of connections leave no ports waiting
        socket.Connect(endpoint.Host, endpoint.Port);
        var answer = new MemoryStream();
        try
        {
            socket.Send(conversation);
            socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[16 << 10];
            while (socket.Receive(buffer) is > 0 and var count)
            {
                answer.Write(buffer, 0, count);
            }
        }
        catch (SocketException broken) when (broken.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return 1; // the server had enough of it
        }

        var outcome = default(HashCode);
        foreach (byte[] part in Split(answer.ToArray()).Skip(1).Take(4))
        {
            outcome.Add(part.Length >= FrameHeader.Size ? part[4] : -1);
        }

        return outcome.ToHashCode();
    }

    /// <summary>The hello, the frames, and a rest that is none.</summary>
    private static List<byte[]> Split(byte[] conversation)
    {
        var parts = new List<byte[]>();
        int at = 0;
        while (at < conversation.Length)
        {
            int length = conversation.Length - at;
            if (at == 0)
            {
                length = Math.Min(length, Hello.Size);
            }
            else if (length >= FrameHeader.Size && FrameHeader.TryDecode(conversation.AsSpan(at), out FrameHeader header))
            {
                length = Math.Min(length, FrameHeader.Size + header.Length);
            }

            parts.Add(conversation[at..(at + length)]);
            at += length;
        }

        return parts.Count > 0 ? parts : [[]];
    }

    private static void Add(List<byte[]> bytes, FrameType type, ulong id, Func<byte[], int> encode)
    {
        var message = new byte[FrameHeader.MaxMessage];
        int length = encode(message);
        bytes.Add(Written(to => new FrameHeader(length, type, id).Encode(to), FrameHeader.Size));
        bytes.Add(message[..length]);
    }

    private static byte[] Written(Action<byte[]> encode, int length)
    {
        var bytes = new byte[length];
        encode(bytes);
        return bytes;
    }
}

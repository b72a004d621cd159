using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;

namespace BigFs.Core.Tests.Faults;

/// <summary>Every message of the transfer protocol: how to make one, and how to read and write it again.</summary>
internal sealed record MessageKind(string Name, Func<Random, byte[]> Make, Func<byte[], byte[]?> Again)
{
    public static ImmutableArray<MessageKind> All { get; } =
    [
        new("hello", MakeHello, bytes => bytes.Length >= Hello.Size && Hello.TryDecode(bytes, out Hello hello)
            ? Written(to => { hello.Encode(to); return Hello.Size; })
            : null),
        new("frame header", MakeHeader, bytes => bytes.Length >= FrameHeader.Size && FrameHeader.TryDecode(bytes, out FrameHeader header)
            ? Written(to => { header.Encode(to); return FrameHeader.Size; })
            : null),
        new("write", MakeWrite, bytes => WriteRequest.Decode(bytes) is { } write ? Written(to => write.Encode(to)) : null),
        new("read", MakeRead, bytes => ReadRequest.Decode(bytes) is { } read ? Written(to => read.Encode(to)) : null),
        new("written", MakeWritten, bytes => WriteAnswer.Decode(bytes) is { } written
            ? Written(to => WriteAnswer.Encode(written, to))
            : null),
        new("reading", MakeReading, bytes => ReadAnswer.Decode(bytes) is { } reading
            ? Written(to => ReadAnswer.Encode(reading.ChunkLength, reading.BlockChecksums, to))
            : null),
        new("error", MakeError, bytes => ErrorAnswer.Decode(bytes) is { } error ? Written(to => error.Encode(to)) : null),
    ];

    public override string ToString() => Name;

    private static byte[] Written(Func<byte[], int> encode)
    {
        var bytes = new byte[FrameHeader.MaxMessage];
        return bytes[..encode(bytes)];
    }

    private static byte[] MakeHello(Random random) => Written(to =>
    {
        ushort lowest = (ushort)random.Next(0, 4);
        new Hello(lowest, (ushort)(lowest + random.Next(3)), (ulong)random.NextInt64()).Encode(to);
        return Hello.Size;
    });

    private static byte[] MakeHeader(Random random) => Written(to =>
    {
        new FrameHeader(random.Next(FrameHeader.MaxMessage + 1), (FrameType)random.Next(1, 9), (ulong)random.NextInt64()).Encode(to);
        return FrameHeader.Size;
    });

    private static byte[] MakeWrite(Random random) => Written(to =>
    {
        int count = random.Next(1, Limits.MaxReplicas + 1);
        return new WriteRequest
        {
            Volume = new VolumeId(random.NextInt64()),
            Epoch = random.NextInt64(),
            Key = new ChunkKey((ulong)random.NextInt64()),
            Length = random.Next(1, Limits.MaxChunkSize + 1),
            Crc32C = (uint)random.NextInt64(),
            Pipeline = [.. Enumerable.Range(0, count).Select(_ => new NodeAddress(Node(random), Text(random, 60)))],
            Position = random.Next(count),
            Capability = SomeCapability(random),
        }.Encode(to);
    });

    private static byte[] MakeRead(Random random) => Written(to =>
    {
        int offset = random.Next(Limits.MaxChunkSize);
        return new ReadRequest(
            new VolumeId(random.NextInt64()),
            new ChunkKey((ulong)random.NextInt64()),
            offset,
            random.Next(Limits.MaxChunkSize - offset),
            SomeCapability(random)).Encode(to);
    });

    private static byte[] MakeWritten(Random random) => Written(to => WriteAnswer.Encode(
        [.. Enumerable.Range(0, random.Next(1, Limits.MaxReplicas + 1)).Select(_ => new ReplicaAcknowledgement(
            Node(random), (uint)random.NextInt64(), random.Next(2) == 0 ? BigFsDurability.Flushed : BigFsDurability.Memory))],
        to));

    private static byte[] MakeReading(Random random) => Written(to =>
    {
        int length = random.Next(1, 20 * Limits.BlockSize);
        var checksums = new uint[BlockRange.BlocksOf(length)];
        random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(checksums.AsSpan()));
        return ReadAnswer.Encode(length, checksums, to);
    });

    private static byte[] MakeError(Random random) => Written(to =>
        new ErrorAnswer((ChunkStatus)random.Next(1, 16), Node(random), Text(random, 300)).Encode(to));

    /// <summary>Bytes of no meaning: what they say is checked elsewhere.</summary>
    private static ImmutableArray<byte> SomeCapability(Random random)
    {
        var bytes = new byte[random.Next(Capability.MaxBytes + 1)];
        random.NextBytes(bytes);
        return [.. bytes];
    }

    private static NodeId Node(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new NodeId(new Guid(bytes));
    }

    private static string Text(Random random, int most) =>
        string.Concat(Enumerable.Range(0, random.Next(most)).Select(_ => random.Next(6) == 0 ? 'é' : (char)random.Next('!', '~')));
}

using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace BigFs.Internal.Grpc;

/// <summary>
/// Values that all services share, to and from their form on the wire. What arrives is checked: broken input throws
/// <see cref="BigFsException"/> (InvalidArgument, InvalidPath, LimitExceeded) before anything acts on it.
/// </summary>
internal static class Wire
{
    public static ByteString ToProto(this Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        return ByteString.CopyFrom(bytes);
    }

    public static Guid ToGuid(this ByteString bytes) =>
        bytes.Length == 16 ? new Guid(bytes.Span, bigEndian: true) : throw Invalid($"an id has {bytes.Length} bytes, not 16");

    public static NodeId ToNodeId(this ByteString bytes) => new(bytes.ToGuid());

    public static T ToEnum<T>(int value)
        where T : struct, Enum
    {
        // All enumerations here are ints.
        T result = Unsafe.BitCast<int, T>(value);
        return Enum.IsDefined(result) ? result : throw Invalid($"{value} is no {typeof(T).Name}");
    }

    public static BigFsPath ToPath(this string text) => BigFsPath.Parse(text);

    public static long ToProto(this DateTimeOffset value) => value.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;

    public static DateTimeOffset ToInstant(long ticks) =>
        ticks >= -DateTimeOffset.UnixEpoch.Ticks && ticks <= DateTimeOffset.MaxValue.Ticks - DateTimeOffset.UnixEpoch.Ticks
            ? DateTimeOffset.UnixEpoch.AddTicks(ticks)
            : throw Invalid($"{ticks} is no instant");

    /// <summary>The value, when it lies in its range.</summary>
    public static int InRange(this int value, int least, int most, string name) =>
        value >= least && value <= most ? value : throw Invalid($"{name} is {value}, not {least} to {most}");

    /// <summary>A message that must be there.</summary>
    public static T Required<T>(this T? message, string name)
        where T : class, IMessage => message ?? throw Invalid($"{name} is missing");

    public static ImmutableArray<TResult> ToArray<T, TResult>(this RepeatedField<T> list, Func<T, TResult> map)
    {
        ImmutableArray<TResult>.Builder result = ImmutableArray.CreateBuilder<TResult>(list.Count);
        foreach (T item in list)
        {
            result.Add(map(item));
        }

        return result.MoveToImmutable();
    }

    public static Protocol.Manifest ToProto(this ImmutableArray<ChunkReference> manifest)
    {
        var proto = new Protocol.Manifest();
        if (manifest.IsDefaultOrEmpty)
        {
            return proto;
        }

        proto.Volumes.Capacity = proto.Keys.Capacity = proto.Lengths.Capacity = proto.Crc32C.Capacity = manifest.Length;
        foreach (ChunkReference chunk in manifest)
        {
            proto.Volumes.Add(chunk.Volume.Value);
            proto.Keys.Add(chunk.Key.Value);
            proto.Lengths.Add(chunk.Length);
            proto.Crc32C.Add(chunk.Crc32C);
        }

        return proto;
    }

    public static ImmutableArray<ChunkReference> FromProto(this Protocol.Manifest? proto)
    {
        if (proto is null)
        {
            return [];
        }

        int count = proto.Keys.Count;
        if (proto.Volumes.Count != count || proto.Lengths.Count != count || proto.Crc32C.Count != count)
        {
            throw Invalid("a manifest's lists differ in length");
        }

        if (count > Limits.MaxChunksPerFile)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"A manifest has {count} chunks, at most {Limits.MaxChunksPerFile} are allowed.");
        }

        ImmutableArray<ChunkReference>.Builder manifest = ImmutableArray.CreateBuilder<ChunkReference>(count);
        for (int i = 0; i < count; i++)
        {
            manifest.Add(new ChunkReference(
                new VolumeId(proto.Volumes[i]), new ChunkKey(proto.Keys[i]), proto.Lengths[i], proto.Crc32C[i]));
        }

        return manifest.MoveToImmutable();
    }

    public static Protocol.StoredChunks ToProto(this ImmutableArray<StoredChunkInfo> chunks)
    {
        var proto = new Protocol.StoredChunks();
        if (chunks.IsDefaultOrEmpty)
        {
            return proto;
        }

        proto.Keys.Capacity = proto.Lengths.Capacity = proto.Crc32C.Capacity = proto.Deleted.Capacity = chunks.Length;
        foreach (StoredChunkInfo chunk in chunks)
        {
            proto.Keys.Add(chunk.Key.Value);
            proto.Lengths.Add(chunk.Length);
            proto.Crc32C.Add(chunk.Crc32C);
            proto.Deleted.Add(chunk.Deleted);
        }

        return proto;
    }

    public static ImmutableArray<StoredChunkInfo> FromProto(this Protocol.StoredChunks? proto)
    {
        if (proto is null)
        {
            return [];
        }

        int count = proto.Keys.Count;
        if (proto.Lengths.Count != count || proto.Crc32C.Count != count || proto.Deleted.Count != count)
        {
            throw Invalid("the lists of stored chunks differ in length");
        }

        ImmutableArray<StoredChunkInfo>.Builder chunks = ImmutableArray.CreateBuilder<StoredChunkInfo>(count);
        for (int i = 0; i < count; i++)
        {
            chunks.Add(new StoredChunkInfo(
                new ChunkKey(proto.Keys[i]), proto.Lengths[i], proto.Crc32C[i], proto.Deleted[i]));
        }

        return chunks.MoveToImmutable();
    }

    public static Protocol.NodeAddress ToProto(this NodeAddress node) =>
        new() { Node = node.Id.Value.ToProto(), TransferEndpoint = node.TransferEndpoint };

    public static NodeAddress FromProto(this Protocol.NodeAddress proto) =>
        new(proto.Node.ToNodeId(), proto.TransferEndpoint);

    public static ByteString ToProto(this ImmutableArray<byte> capability) => ByteString.CopyFrom(capability.AsSpan());

    public static ImmutableArray<byte> ToCapability(this ByteString bytes) => bytes.Length <= Capability.MaxBytes
        ? [.. bytes.Span]
        : throw Invalid($"a capability has {bytes.Length} bytes, more than {Capability.MaxBytes}");

    public static BigFsException Invalid(string what) =>
        new(BigFsErrorCode.InvalidArgument, $"The message is not valid: {what}.");
}

using System.Buffers;
using Google.Protobuf;

namespace BigFs.Internal.Grpc;

/// <summary>
/// A message of a content stream: bytes of a file, or anything else. Bytes that were received lie in a shared buffer, which
/// is given back by <see cref="Dispose"/>; bytes to be sent stay the sender's. Not thread-safe.
/// </summary>
/// <typeparam name="TPart">The generated message, used for all that is not bytes.</typeparam>
internal sealed class ContentMessage<TPart> : IDisposable
    where TPart : class, IMessage<TPart>
{
    private byte[]? _rented;

    private ContentMessage(TPart? part, ReadOnlyMemory<byte> data, byte[]? rented) => (Part, Data, _rented) = (part, data, rented);

    /// <summary>What is no bytes; null for bytes.</summary>
    public TPart? Part { get; }

    /// <summary>The bytes, perhaps none; meaningless beside a <see cref="Part"/>.</summary>
    public ReadOnlyMemory<byte> Data { get; private set; }

    /// <summary>Bytes to be sent; they must not change until the message is written.</summary>
    public static ContentMessage<TPart> Of(ReadOnlyMemory<byte> data) => new(null, data, null);

    /// <summary>Anything else.</summary>
    public static ContentMessage<TPart> Of(TPart part) => new(part, default, null);

    /// <summary>Bytes that arrived, copied out of their transport's buffers.</summary>
    public static ContentMessage<TPart> Received(ReadOnlySequence<byte> data)
    {
        int length = checked((int)data.Length);
        if (length == 0)
        {
            return new ContentMessage<TPart>(null, default, null);
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        data.CopyTo(buffer);
        return new ContentMessage<TPart>(null, buffer.AsMemory(0, length), buffer);
    }

    /// <summary>Gives a received buffer back; twice is fine.</summary>
    public void Dispose()
    {
        Data = default;
        if (Interlocked.Exchange(ref _rented, null) is { } buffer)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

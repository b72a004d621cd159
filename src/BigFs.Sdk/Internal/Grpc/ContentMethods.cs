using System.Buffers;
using BigFs.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>
/// The calls of gateway.proto with a form of their messages that copies a file's bytes once each way. On the wire they are
/// what the generated code would send: the field "data" has the number 2 in both directions.
/// </summary>
internal static class ContentMethods
{
    /// <summary>The version of the protocol that this code speaks.</summary>
    public const uint Version = 1;

    /// <summary>Most bytes of one data message: 256 KiB.</summary>
    public const int MaxDataBytes = 256 << 10;

    /// <summary>The service's full name.</summary>
    public const string Service = "bigfs.v1.Content";

    // Field 2, length-delimited (Protocol Buffers encoding, "Message structure").
    private const byte DataTag = (2 << 3) | 2;

    /// <summary>Longest length prefix of protocol buffers: 5 bytes for an int32.</summary>
    private const int MostLengthBytes = 5;

    public static Method<ContentMessage<UploadPart>, UploadAnswer> Upload { get; } = new(
        MethodType.DuplexStreaming,
        Service,
        "Upload",
        Content(UploadPart.Parser, static part => part.PartCase == UploadPart.PartOneofCase.Data ? part.Data : null),
        Plain(UploadAnswer.Parser));

    public static Method<DownloadRequest, ContentMessage<DownloadPart>> Download { get; } = new(
        MethodType.ServerStreaming,
        Service,
        "Download",
        Plain(DownloadRequest.Parser),
        Content(DownloadPart.Parser, static part => part.PartCase == DownloadPart.PartOneofCase.Data ? part.Data : null));

    /// <summary>Whether a method, by its full name, is one of these.</summary>
    public static bool IsContent(string method) => method == Upload.FullName || method == Download.FullName;

    private static Marshaller<T> Plain<T>(MessageParser<T> parser)
        where T : class, IMessage<T> => Marshallers.Create<T>(
            static (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    private static Marshaller<ContentMessage<T>> Content<T>(MessageParser<T> parser, Func<T, ByteString?> dataOf)
        where T : class, IMessage<T> => Marshallers.Create<ContentMessage<T>>(
            Write, context => Read(context.PayloadAsReadOnlySequence(), parser, dataOf));

    private static void Write<T>(ContentMessage<T> message, SerializationContext context)
        where T : class, IMessage<T>
    {
        if (message.Part is { } part)
        {
            context.SetPayloadLength(part.CalculateSize());
            part.WriteTo(context.GetBufferWriter());
        }
        else
        {
            ReadOnlySpan<byte> data = message.Data.Span;
            Span<byte> prefix = stackalloc byte[1 + MostLengthBytes];
            int used = WritePrefix(prefix, (uint)data.Length);
            context.SetPayloadLength(used + data.Length);
            IBufferWriter<byte> writer = context.GetBufferWriter();

            // In one piece: written as it comes, it would be cut into the connection's small blocks.
            Span<byte> room = writer.GetSpan(used + data.Length);
            prefix[..used].CopyTo(room);
            data.CopyTo(room[used..]);
            writer.Advance(used + data.Length);
        }

        context.Complete();
    }

    private static ContentMessage<T> Read<T>(ReadOnlySequence<byte> payload, MessageParser<T> parser, Func<T, ByteString?> dataOf)
        where T : class, IMessage<T>
    {
        if (!TrySkipPrefix(payload, out ReadOnlySequence<byte> data))
        {
            // Anything else, and bytes that another implementation encoded another way.
            T part = parser.ParseFrom(payload);
            if (dataOf(part) is not { } bytes)
            {
                return ContentMessage<T>.Of(part);
            }

            data = new ReadOnlySequence<byte>(bytes.Memory);
        }

        if (ContentDestination.Current is not { } destination)
        {
            return ContentMessage<T>.Received(data);
        }

        destination.Take(data);
        return ContentMessage<T>.Of(ReadOnlyMemory<byte>.Empty);
    }

    private static int WritePrefix(Span<byte> prefix, uint length)
    {
        prefix[0] = DataTag;
        int used = 1;
        while (length >= 0x80)
        {
            prefix[used++] = (byte)(length | 0x80);
            length >>= 7;
        }

        prefix[used++] = (byte)length;
        return used;
    }

    /// <summary>The bytes of a message that consists of the field "data" alone.</summary>
    private static bool TrySkipPrefix(ReadOnlySequence<byte> payload, out ReadOnlySequence<byte> data)
    {
        data = default;
        var reader = new SequenceReader<byte>(payload);
        if (!reader.TryRead(out byte tag) || tag != DataTag)
        {
            return false;
        }

        ulong length = 0;
        for (int i = 0; i < MostLengthBytes && reader.TryRead(out byte next); i++)
        {
            length |= (ulong)(next & 0x7F) << (7 * i);
            if (next < 0x80)
            {
                data = reader.UnreadSequence;
                return length == (ulong)data.Length;
            }
        }

        return false;
    }
}

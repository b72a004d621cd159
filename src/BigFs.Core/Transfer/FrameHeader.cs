using System.Buffers.Binary;

namespace BigFs.Core.Transfer;

/// <summary>The sixteen bytes in front of every frame; docs/transfer-protocol.md gives their places.</summary>
/// <param name="Length">Bytes that follow the header.</param>
/// <param name="Type">What they are.</param>
/// <param name="RequestId">The request that the frame belongs to.</param>
internal readonly record struct FrameHeader(int Length, FrameType Type, ulong RequestId)
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 16;

    /// <summary>Most bytes of a data frame: 1 MiB.</summary>
    public const int MaxData = 1 << 20;

    /// <summary>Most bytes of a data frame on a multiplexed connection, and of a chunk that is written there: 64 KiB.</summary>
    public const int MaxSmallData = 64 << 10;

    /// <summary>
    /// Most bytes of any other frame: 8 KiB, which holds the checksums of the largest chunk's blocks.
    /// </summary>
    public const int MaxMessage = 8 << 10;

    /// <summary>Writes the header into the first sixteen bytes.</summary>
    public void Encode(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Length);
        bytes[4] = (byte)Type;
        bytes[5..8].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], RequestId);
    }

    /// <summary>
    /// Reads a header; false when flags or reserved bytes are set, or the length is above the type's limit.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        var type = (FrameType)bytes[4];
        bool legal = length <= (type == FrameType.Data ? MaxData : MaxMessage)
            && (bytes[5] | bytes[6] | bytes[7]) == 0;
        header = legal
            ? new FrameHeader((int)length, type, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]))
            : default;
        return legal;
    }
}

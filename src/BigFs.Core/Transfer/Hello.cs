using System.Buffers.Binary;

namespace BigFs.Core.Transfer;

/// <summary>
/// The first sixteen bytes in each direction: magic, the span of versions that a side speaks, its features.
/// </summary>
/// <param name="LowestVersion">Lowest version that the side speaks.</param>
/// <param name="HighestVersion">Highest version that the side speaks.</param>
/// <param name="Features">Optional parts that the side speaks, a bit each; what both have is in use.</param>
internal readonly record struct Hello(ushort LowestVersion, ushort HighestVersion, ulong Features)
{
    /// <summary>Bytes of a hello.</summary>
    public const int Size = 16;

    /// <summary>Feature: several requests at a time on this connection, for small chunks.</summary>
    public const ulong Multiplexed = 1;

    /// <summary>This implementation on a connection that serves one request at a time: version 1.</summary>
    public static readonly Hello Own = new(1, 1, 0);

    /// <summary>The same on a multiplexed connection.</summary>
    public static readonly Hello OwnMultiplexed = new(1, 1, Multiplexed);

    /// <summary>Whether the side speaks multiplexed here.</summary>
    public bool IsMultiplexed => (Features & Multiplexed) != 0;

    private static ReadOnlySpan<byte> Magic => "BGFS"u8;

    /// <summary>Writes the hello into the first sixteen bytes.</summary>
    public void Encode(Span<byte> bytes)
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], LowestVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], HighestVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], Features);
    }

    /// <summary>Reads a hello; false when the magic is another's or the span of versions is empty.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out Hello hello)
    {
        hello = new Hello(
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
        return bytes[..4].SequenceEqual(Magic) && hello.LowestVersion <= hello.HighestVersion;
    }

    /// <summary>Whether some version is spoken by both sides; the highest such one is in use.</summary>
    public bool SharesVersionWith(Hello other) =>
        LowestVersion <= other.HighestVersion && other.LowestVersion <= HighestVersion;
}

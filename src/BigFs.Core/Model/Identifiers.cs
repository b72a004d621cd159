using System.Globalization;

namespace BigFs.Core.Model;

/// <summary>Identity of a datanode; lives on its disk and never changes. Written as 32 hexadecimal digits.</summary>
public readonly record struct NodeId(Guid Value) : IComparable<NodeId>
{
    /// <summary>Orders nodes, so that what iterates them is deterministic.</summary>
    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);

    /// <summary>Parses 32 hexadecimal digits; false for anything else.</summary>
    public static bool TryParse(string? text, out NodeId id)
    {
        bool legal = Guid.TryParseExact(text, "N", out Guid value);
        id = new NodeId(value);
        return legal;
    }

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("N", CultureInfo.InvariantCulture);
}

/// <summary>Identity of a volume, given by the node manager; 1 or more.</summary>
public readonly record struct VolumeId(long Value) : IComparable<VolumeId>
{
    /// <summary>Orders volumes by age.</summary>
    public int CompareTo(VolumeId other) => Value.CompareTo(other.Value);

    /// <summary>The number in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>
/// Identity of a chunk, unique in the cluster for ever: the granting file server's incarnation in the upper 24 bits, a
/// counter in the lower 40.
/// </summary>
public readonly record struct ChunkKey(ulong Value) : IComparable<ChunkKey>
{
    /// <summary>Bits of the counter.</summary>
    public const int CounterBits = 40;

    /// <summary>Makes the key of a counter within an incarnation.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Either number does not fit its bits.</exception>
    public static ChunkKey Create(long incarnation, long counter)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(incarnation);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(incarnation, 1L << (64 - CounterBits));
        ArgumentOutOfRangeException.ThrowIfNegative(counter);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(counter, 1L << CounterBits);
        return new ChunkKey(((ulong)incarnation << CounterBits) | (ulong)counter);
    }

    /// <summary>Orders keys by age.</summary>
    public int CompareTo(ChunkKey other) => Value.CompareTo(other.Value);

    /// <summary>16 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}

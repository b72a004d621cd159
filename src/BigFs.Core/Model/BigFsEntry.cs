using System.Collections.ObjectModel;
using System.Globalization;

namespace BigFs;

/// <summary>A file or a directory, as it was when it was read from the namespace.</summary>
public abstract record BigFsEntry
{
    /// <summary>Where it stands.</summary>
    public BigFsPath Path { get; init; }

    /// <summary>When it was made, UTC.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>When its content last changed (file) or it was made (directory), UTC.</summary>
    public DateTimeOffset Modified { get; init; }
}

/// <summary>A directory.</summary>
public sealed record BigFsDirectory : BigFsEntry;

/// <summary>One version of a file.</summary>
public sealed record BigFsFile : BigFsEntry
{
    /// <summary>The version's identity (its ETag): differs whenever the content was written anew.</summary>
    public BigFsVersion Version { get; init; }

    /// <summary>Length of the content in bytes.</summary>
    public long Size { get; init; }

    /// <summary>CRC-32C (Castagnoli) of the whole content.</summary>
    public uint Crc32C { get; init; }

    /// <summary>On how many datanodes each chunk is kept.</summary>
    public int Replicas { get; init; }

    /// <summary>The media type that the writer gave, or null.</summary>
    public string? ContentType { get; init; }

    /// <summary>What the writer noted beside the content; never null.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ReadOnlyDictionary<string, string>.Empty;
}

/// <summary>Identity of one version of a file, 64 bits, written as 16 hexadecimal digits.</summary>
public readonly record struct BigFsVersion : IParsable<BigFsVersion>
{
    /// <summary>Makes the identity of its bits.</summary>
    public BigFsVersion(ulong value) => Value = value;

    /// <summary>Its 64 bits.</summary>
    public ulong Value { get; }

    /// <summary>Parses 16 hexadecimal digits.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static BigFsVersion Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out BigFsVersion version)
            ? version
            : throw new FormatException($"\"{s}\" is no version: 16 hexadecimal digits are expected.");

    /// <inheritdoc/>
    public static bool TryParse(string? s, IFormatProvider? provider, out BigFsVersion result)
    {
        bool legal = ulong.TryParse(s, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            && s!.Length == 16;
        result = new BigFsVersion(legal ? value : 0);
        return legal;
    }

    /// <summary>16 lower-case hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}

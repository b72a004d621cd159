using System.Globalization;

namespace BigFs.Cli.Bench;

/// <summary>Sizes as they are written on a command line: bytes, or a whole number with KiB, MiB or GiB.</summary>
internal static class ByteSize
{
    private static readonly (string Unit, int Shift)[] Units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];

    /// <summary>Reads "4096", "4KiB", "518MiB", "4GiB"; case does not count. False when it is no size.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        (string unit, int shift) =
            Units.First(one => text.EndsWith(one.Unit, StringComparison.OrdinalIgnoreCase));
        bool isSize = long.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out bytes)
            && bytes <= long.MaxValue >> shift;
        bytes = isSize ? bytes << shift : 0;
        return isSize;
    }
}

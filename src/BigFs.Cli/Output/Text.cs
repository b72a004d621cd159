using System.Globalization;
using System.Text;

namespace BigFs.Cli.Output;

/// <summary>Text for people.</summary>
internal static class Text
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>
    /// The text with control characters made visible, so that a name can neither break a line nor steer the terminal.
    /// </summary>
    public static string Visible(string text)
    {
        if (!text.Any(char.IsControl))
        {
            return text;
        }

        var visible = new StringBuilder(text.Length + 8);
        foreach (char c in text)
        {
            _ = char.IsControl(c)
                ? visible.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}")
                : visible.Append(c);
        }

        return visible.ToString();
    }

    /// <summary>A message on one line.</summary>
    public static string OneLine(string message) =>
        Visible(message.ReplaceLineEndings(" "));

    /// <summary>A size with a unit: "12.3 MiB".</summary>
    public static string Size(double bytes)
    {
        int unit = 0;
        while (bytes >= 1024 && unit < Units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        string number = bytes.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture);
        return $"{number} {Units[unit]}";
    }

    /// <summary>A time span: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min".</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"),
        < 60 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
        < 3600 => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds:00} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes:00} min"),
    };

    /// <summary>A moment: "2026-01-31 12:00:00Z".</summary>
    public static string Moment(DateTimeOffset time) =>
        time.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>A checksum: eight hexadecimal digits.</summary>
    public static string Checksum(uint crc) => crc.ToString("x8", CultureInfo.InvariantCulture);
}

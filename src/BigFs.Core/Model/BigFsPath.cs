using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace BigFs;

/// <summary>
/// An absolute path in BigFS: segments after '/', UTF-8, compared byte by byte (ordinal) without normalisation, so
/// NFC and NFD spellings are two names. No segment is empty, "." or "..", none holds NUL. The default value is the
/// root "/".
/// </summary>
public readonly struct BigFsPath : ISpanParsable<BigFsPath>, IEquatable<BigFsPath>, IComparable<BigFsPath>
{
    /// <summary>The longest name of one segment, in bytes of UTF-8: 255.</summary>
    public const int MaxNameBytes = 255;

    /// <summary>The longest path, in bytes of UTF-8: 4,096.</summary>
    public const int MaxPathBytes = 4096;

    /// <summary>The most segments of a path: 256.</summary>
    public const int MaxDepth = 256;

    private readonly string? _value;

    private BigFsPath(string value) => _value = value;

    /// <summary>The root directory "/".</summary>
    public static BigFsPath Root => default;

    /// <summary>Whether this is "/".</summary>
    public bool IsRoot => _value is null;

    /// <summary>The last segment; empty for the root.</summary>
    public string Name => _value is null ? "" : _value[(_value.LastIndexOf('/') + 1)..];

    /// <summary>The directory that holds this entry; the root's parent is the root.</summary>
    public BigFsPath Parent
    {
        get
        {
            int slash = _value?.LastIndexOf('/') ?? 0;
            return slash <= 0 ? default : new BigFsPath(_value![..slash]);
        }
    }

    /// <summary>The segments from the root down; empty for the root.</summary>
    public IReadOnlyList<string> Segments => _value is null ? [] : _value[1..].Split('/');

    /// <summary>Parses a path.</summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidPath"/>, with the rule that is broken.</exception>
    public static implicit operator BigFsPath(string path) => Parse(path, null);

    /// <summary>The entry of this name in the directory.</summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidPath"/>, when the name is no legal segment.</exception>
    public static BigFsPath operator /(BigFsPath directory, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string text = (directory._value ?? "") + "/" + name;
        string? problem = name.Contains('/') ? "a name holds no '/'" : Problem(text);
        return problem is null ? new BigFsPath(text) : throw Invalid(text, problem);
    }

    /// <summary>Same path, byte by byte.</summary>
    public static bool operator ==(BigFsPath left, BigFsPath right) => left.Equals(right);

    /// <summary>Different paths.</summary>
    public static bool operator !=(BigFsPath left, BigFsPath right) => !left.Equals(right);

    /// <summary>Ordinal order.</summary>
    public static bool operator <(BigFsPath left, BigFsPath right) => left.CompareTo(right) < 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >(BigFsPath left, BigFsPath right) => left.CompareTo(right) > 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator <=(BigFsPath left, BigFsPath right) => left.CompareTo(right) <= 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >=(BigFsPath left, BigFsPath right) => left.CompareTo(right) >= 0;

    /// <summary>Whether this path lies below the directory (a directory does not lie below itself).</summary>
    public bool IsBelow(BigFsPath directory) => !IsRoot && this != directory
        && (directory.IsRoot || _value!.StartsWith(directory._value + "/", StringComparison.Ordinal));

    /// <summary>
    /// The entry below this directory whose relative path is known to be made of legal names, as one that was read from a
    /// namespace: only the bounds of the whole are checked.
    /// </summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidPath"/>: it is too long or too deep.</exception>
    internal BigFsPath Append(string relative)
    {
        string text = string.Concat(_value, "/", relative);

        // So few UTF-16 units are at most so many segments, and three bytes of UTF-8 each.
        if (text.Length <= 2 * MaxDepth)
        {
            return new BigFsPath(text);
        }

        string? problem = Problem(text);
        return problem is null ? new BigFsPath(text) : throw Invalid(text, problem);
    }

    /// <inheritdoc cref="op_Implicit(string)"/>
    public static BigFsPath Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        string? problem = Problem(s);
        return problem is null ? Known(s) : throw Invalid(s, problem);
    }

    /// <inheritdoc/>
    public static BigFsPath Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s.ToString(), provider);

    /// <summary>Parses a path; false when it breaks a rule.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out BigFsPath result)
    {
        bool legal = s is not null && Problem(s) is null;
        result = legal ? Known(s!) : default;
        return legal;
    }

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out BigFsPath result) =>
        TryParse(s.ToString(), provider, out result);

    /// <inheritdoc/>
    public bool Equals(BigFsPath other) => string.Equals(_value, other._value, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BigFsPath other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value is null ? 0 : _value.GetHashCode(StringComparison.Ordinal);

    /// <summary>Order of the UTF-8 bytes, segment by segment: a directory comes right before what it holds.</summary>
    public int CompareTo(BigFsPath other)
    {
        IReadOnlyList<string> left = Segments, right = other.Segments;
        for (int i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            int order = CompareNames(left[i], right[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return left.Count.CompareTo(right.Count);
    }

    /// <summary>Compares two names by their UTF-8 bytes (UTF-16 order differs above U+FFFF).</summary>
    public static int CompareNames(string left, string right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        int length = Math.Min(left.Length, right.Length);
        for (int i = 0; i < length; i++)
        {
            char a = left[i], b = right[i];
            if (a != b)
            {
                // A surrogate stands for a code point above every other UTF-16 unit's.
                bool high = char.IsSurrogate(a), otherHigh = char.IsSurrogate(b);
                return high == otherHigh ? a.CompareTo(b) : high ? 1 : -1;
            }
        }

        return left.Length.CompareTo(right.Length);
    }

    /// <summary>The path as text, "/" for the root.</summary>
    public override string ToString() => _value ?? "/";

    /// <summary>The path of a text that was checked before, by the rules of <see cref="Parse(string, IFormatProvider)"/>.</summary>
    internal static BigFsPath Checked(string legal) => Known(legal);

    private static BigFsPath Known(string legal) => legal.Length == 1 ? default : new BigFsPath(legal);

    private static BigFsException Invalid(string path, string problem) =>
        new(BigFsErrorCode.InvalidPath, $"The path \"{Shorten(path)}\" is not valid: {problem}.") { Path = Shorten(path) };

    private static string Shorten(string path)
    {
        string visible = path.Replace("\0", "\\0", StringComparison.Ordinal);
        return visible.Length <= 200 ? visible : visible[..200] + "...";
    }

    private static string? Problem(string text)
    {
        if (text.Length == 0 || text[0] != '/')
        {
            return "it must start with '/'";
        }

        if (text.Length == 1)
        {
            return null;
        }

        if (text.Contains('\0'))
        {
            return "it holds a NUL character";
        }

        int bytes;
        try
        {
            bytes = StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            return "it is not valid Unicode (a lone surrogate)";
        }

        if (bytes > MaxPathBytes)
        {
            return $"it is {bytes} bytes long, at most {MaxPathBytes} are allowed";
        }

        int depth = 0;
        foreach (Range range in text.AsSpan(1).Split('/'))
        {
            ReadOnlySpan<char> segment = text.AsSpan(1)[range];
            depth++;
            switch (segment)
            {
                case "":
                    return "it has an empty segment ('//' or a '/' at the end)";
                case "." or "..":
                    return $"the segment \"{segment}\" is not allowed";
                default:
                    int length = Encoding.UTF8.GetByteCount(segment);
                    if (length > MaxNameBytes)
                    {
                        return $"a name of {length} bytes is longer than the {MaxNameBytes} allowed";
                    }

                    break;
            }
        }

        return depth > MaxDepth ? $"it is {depth} levels deep, at most {MaxDepth} are allowed" : null;
    }

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);
}

using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>The part of a content that a request asks for (RFC 9110, section 14).</summary>
/// <param name="Start">Its first byte.</param>
/// <param name="Length">Its bytes.</param>
internal readonly record struct ByteRange(long Start, long Length)
{
    private const string Unit = "bytes=";

    /// <summary>
    /// Reads the range of a request. What is no range of bytes is passed over, as the RFC asks for, and so are several at once: the
    /// answer is then the whole content.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="file">What stands there.</param>
    /// <param name="range">The range; null for the whole content.</param>
    /// <returns>False when nothing of the content lies in the range.</returns>
    public static bool TryRead(HttpRequest request, BigFsFile file, out ByteRange? range)
    {
        range = null;
        string? header = request.Headers.Range;
        if (header is null || !header.StartsWith(Unit, StringComparison.OrdinalIgnoreCase) || !IsWanted(request, file))
        {
            return true;
        }

        string set = header[Unit.Length..].Trim();
        int dash = set.IndexOf('-', StringComparison.Ordinal);
        if (dash < 0 || set.Contains(',', StringComparison.Ordinal))
        {
            return true;
        }

        long? first = Number(set[..dash]);
        long? last = Number(set[(dash + 1)..]);
        if ((first is null && dash > 0) || (last is null && dash + 1 < set.Length) || (first is null && last is null) || last < first)
        {
            return true;
        }

        long size = file.Size;
        long start = first ?? Math.Max(0, size - last!.Value);
        long end = first is null ? size : Math.Min(last ?? long.MaxValue - 1, size - 1) + 1;
        if (start >= size || (first is null && last == 0))
        {
            return false;
        }

        range = new ByteRange(start, end - start);
        return true;
    }

    /// <summary>As the header Content-Range has it.</summary>
    public string Of(long size) => string.Create(CultureInfo.InvariantCulture, $"bytes {Start}-{Start + Length - 1}/{size}");

    /// <summary>With If-Range the part is wanted of one version only; of another one the whole.</summary>
    private static bool IsWanted(HttpRequest request, BigFsFile file)
    {
        string? only = request.Headers.IfRange;
        return only is null
            || only == EntityTags.Of(file.Version)
            || (Conditions.Date(only) is { } date && date.ToUnixTimeSeconds() == file.Modified.ToUnixTimeSeconds());
    }

    private static long? Number(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}

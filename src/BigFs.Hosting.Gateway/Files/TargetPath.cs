using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>
/// The path of BigFS that a request names. It is read from the target as it was sent: what a server makes of targets
/// (dot segments removed, escapes undone) would let one path be checked and another one be used. Each segment is unescaped once, must be
/// UTF-8, and is then a name as it stands: "..", "." and empty ones are none, nor is one with an escaped "/".
/// </summary>
internal static class TargetPath
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="prefix">What the route's paths begin with, "/v1/files".</param>
    /// <param name="mayEndWithSlash">Whether a last slash is passed over: of a directory.</param>
    /// <exception cref="BigFsException">InvalidPath.</exception>
    public static BigFsPath Of(HttpContext context, string prefix, bool mayEndWithSlash = false)
    {
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        return Parse(target, prefix, mayEndWithSlash);
    }

    /// <summary>Reads it from a target, in origin or absolute form (RFC 9112, section 3.2).</summary>
    /// <exception cref="BigFsException">InvalidPath.</exception>
    public static BigFsPath Parse(string target, string prefix, bool mayEndWithSlash)
    {
        string path = WithoutOrigin(target);
        int end = path.AsSpan().IndexOfAny('?', '#');
        path = end < 0 ? path : path[..end];
        if (!path.StartsWith(prefix, StringComparison.Ordinal) || (path.Length > prefix.Length && path[prefix.Length] != '/'))
        {
            throw Wrong($"The target is none of {prefix}: dot segments and escapes of the route itself are not undone.");
        }

        string rest = path[prefix.Length..];
        if (mayEndWithSlash && rest.Length > 1 && rest[^1] == '/')
        {
            rest = rest[..^1];
        }

        if (rest is "" or "/")
        {
            return BigFsPath.Root;
        }

        string text = string.Concat(rest[1..].Split('/').Select(segment => "/" + Unescape(segment)));
        return BigFsPath.Parse(text);
    }

    private static string WithoutOrigin(string target)
    {
        if (target.StartsWith('/'))
        {
            return target;
        }

        int authority = target.IndexOf("://", StringComparison.Ordinal);
        int path = authority < 0 ? -1 : target.IndexOf('/', authority + 3);
        return path < 0 ? "" : target[path..];
    }

    private static string Unescape(string segment)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(Strict.GetMaxByteCount(segment.Length));
        try
        {
            int count = 0;
            for (int i = 0; i < segment.Length; i++)
            {
                char letter = segment[i];
                if (letter != '%')
                {
                    // Beyond ASCII only escapes are legal; who sends bytes as they are is not guessed at.
                    bytes[count++] = letter < 0x80 ? (byte)letter : throw Wrong("The path has a character that is not escaped.");
                }
                else if (i + 2 < segment.Length
                    && byte.TryParse(segment.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte escaped))
                {
                    bytes[count++] = escaped;
                    i += 2;
                }
                else
                {
                    throw Wrong("The path has a \"%\" without two hexadecimal digits behind it.");
                }
            }

            string name = Strict.GetString(bytes, 0, count);
            return name.Contains('/', StringComparison.Ordinal) ? throw Wrong("A name in the path has an escaped \"/\".") : name;
        }
        catch (DecoderFallbackException)
        {
            throw Wrong("The path is not UTF-8.");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private static BigFsException Wrong(string sentence) => new(BigFsErrorCode.InvalidPath, sentence);
}

using Microsoft.Extensions.Primitives;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>What a header If-Match or If-None-Match lists (RFC 9110, section 13.1).</summary>
internal sealed class EntityTags
{
    private readonly List<(string Tag, bool IsWeak)> _tags = [];

    private EntityTags()
    {
    }

    /// <summary>Whether it is "*": any version.</summary>
    public bool Any { get; private init; }

    /// <summary>The one version that is listed, strongly; null when it is not one.</summary>
    public BigFsVersion? Only =>
        _tags is [{ IsWeak: false } only] && BigFsVersion.TryParse(only.Tag, null, out BigFsVersion version) ? version : null;

    /// <summary>The tag of a version, as the header ETag has it.</summary>
    public static string Of(BigFsVersion version) => $"\"{version}\"";

    /// <summary>Reads a header; null when it is not there.</summary>
    /// <exception cref="BigFsException">InvalidPrecondition.</exception>
    public static EntityTags? Read(string header, StringValues values)
    {
        if (values.Count == 0)
        {
            return null;
        }

        string text = string.Join(',', values.ToArray()).Trim();
        if (text == "*")
        {
            return new EntityTags { Any = true };
        }

        var tags = new EntityTags();
        int at = 0;
        while (at < text.Length)
        {
            if (text[at] is ' ' or '\t' or ',')
            {
                at++;
                continue;
            }

            bool weak = text.AsSpan(at).StartsWith("W/", StringComparison.Ordinal);
            int open = weak ? at + 2 : at;
            int close = open < text.Length && text[open] == '"' ? text.IndexOf('"', open + 1) : -1;
            if (close < 0)
            {
                throw new BigFsException(
                    BigFsErrorCode.InvalidPrecondition, $"The header {header} is neither \"*\" nor a list of tags in double quotes.");
            }

            tags._tags.Add((text[(open + 1)..close], weak));
            at = close + 1;
        }

        return tags;
    }

    /// <summary>Whether a version is listed: strongly, as for If-Match, or also weakly, as for If-None-Match.</summary>
    public bool Lists(BigFsVersion version, bool weakly)
    {
        string tag = version.ToString();
        return Any || _tags.Exists(one => one.Tag == tag && (weakly || !one.IsWeak));
    }
}

using BigFs.Cli.Errors;

namespace BigFs.Cli.Paths;

/// <summary>A path in BigFS as it is written on a command line: <c>bigfs:/path</c>.</summary>
/// <param name="Path">The path without the prefix and the slash at the end.</param>
/// <param name="IsFolder">Whether it was written with a slash at the end: "into it" as a destination.</param>
internal readonly record struct RemotePath(BigFsPath Path, bool IsFolder)
{
    public const string Prefix = "bigfs:";

    /// <summary>Whether an argument that may be local or remote is remote.</summary>
    public static bool IsRemote(string text) => text.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Parses an argument that can only be remote: the prefix may be left out.</summary>
    /// <exception cref="BigFsException">InvalidPath, with the rule that is broken.</exception>
    public static RemotePath Parse(string text)
    {
        if (text.StartsWith("bigfs://", StringComparison.Ordinal))
        {
            throw new UsageException($"\"{text}\" looks like an endpoint: paths are written bigfs:/path, endpoints go to --endpoint.");
        }

        string path = IsRemote(text) ? text[Prefix.Length..] : text;
        bool isFolder = path.EndsWith('/');
        return new RemotePath(BigFsPath.Parse(path.Length > 1 && isFolder ? path[..^1] : path), isFolder);
    }
}

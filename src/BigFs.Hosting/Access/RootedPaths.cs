using BigFs.Core.Metadata;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>
/// Paths and errors of the owner of a key, whose root directory is "/" to it: on the way in every path lies below the root,
/// whatever it is made of, for a path has no ".." and no empty segment; on the way out no text names what lies above.
/// </summary>
internal sealed class RootedPaths(BigFsPath root, VersionVeil? versions = null)
{
    private readonly string _root = root.ToString();

    /// <summary>The path in the whole namespace.</summary>
    /// <exception cref="BigFsException">InvalidPath: with the root before it, it is too long or too deep.</exception>
    public BigFsPath Full(BigFsPath path)
    {
        if (root.IsRoot)
        {
            return path;
        }

        if (path.IsRoot)
        {
            return root;
        }

        return BigFsPath.TryParse(_root + path, null, out BigFsPath full)
            ? full
            : throw new BigFsException(
                BigFsErrorCode.InvalidPath, $"The path \"{path}\" is too long or too deep below the root of this access key.")
            {
                Path = path.ToString(),
            };
    }

    /// <summary>The entry as the owner sees it.</summary>
    /// <exception cref="BigFsException">Internal: it lies elsewhere, which nothing that was asked for does.</exception>
    public BigFsEntry Own(BigFsEntry entry) =>
        root.IsRoot ? entry : entry is BigFsFile file ? Own(file) : entry with { Path = Own(entry.Path) };

    /// <summary>The same of a file.</summary>
    public BigFsFile Own(BigFsFile file) => root.IsRoot
        ? file
        : file with { Path = Own(file.Path), Version = versions?.Own(file.Version) ?? file.Version };

    /// <summary>The cluster's version of what the owner named.</summary>
    public BigFsVersion Full(BigFsVersion version) => versions?.Full(version) ?? version;

    /// <summary>The same in a precondition.</summary>
    public Precondition Full(Precondition precondition) => precondition.Kind == PreconditionKind.Version
        ? precondition with { Version = Full(precondition.Version) }
        : precondition;

    /// <summary>The path as the owner sees it.</summary>
    /// <exception cref="BigFsException">Internal: it lies elsewhere.</exception>
    public BigFsPath Own(BigFsPath full) =>
        root.IsRoot ? full
        : full == root ? BigFsPath.Root
        : full.IsBelow(root) ? BigFsPath.Parse(full.ToString()[_root.Length..])
        : throw new BigFsException(BigFsErrorCode.Internal, "An entry beyond the root of the access key was found; it is kept back.");

    /// <summary>An error in the owner's terms.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="asked">The paths that were asked about, as the owner wrote them; the first is blamed.</param>
    public BigFsException Own(BigFsException error, params ReadOnlySpan<BigFsPath> asked)
    {
        if (root.IsRoot)
        {
            return error;
        }

        string message = error.Message;
        foreach (BigFsPath path in asked)
        {
            message = message.Replace($"\"{Full(path)}\"", $"\"{path}\"", StringComparison.Ordinal);
        }

        BigFsPath? blamed = asked.IsEmpty ? (BigFsPath?)null : asked[0];
        foreach (BigFsPath path in asked)
        {
            blamed = error.Path == Full(path).ToString() ? path : blamed;
        }

        // These may name a file above, or a version of the cluster's; and whatever else still names the root is said anew.
        bool mayTell = error.Code is not (BigFsErrorCode.NotDirectory or BigFsErrorCode.PreconditionFailed or BigFsErrorCode.VersionExpired)
            && !message.Contains(_root, StringComparison.Ordinal);
        return new BigFsException(error.Code, mayTell ? message : Sentence(error.Code, blamed))
        {
            Path = blamed?.ToString(),
            Endpoint = error.Endpoint,
            Attempts = error.Attempts,
        };
    }

    private static string Sentence(BigFsErrorCode code, BigFsPath? path) => (code, path) switch
    {
        (BigFsErrorCode.NotFound, { } at) => MetadataErrors.NotFound(at).Message,
        (BigFsErrorCode.IsDirectory, { } at) => MetadataErrors.IsDirectory(at).Message,
        (BigFsErrorCode.AlreadyExists, { } at) => MetadataErrors.AlreadyExists(at).Message,
        (BigFsErrorCode.DirectoryNotEmpty, { } at) => MetadataErrors.DirectoryNotEmpty(at).Message,
        (BigFsErrorCode.NotDirectory, { } at) => $"\"{at}\" cannot exist or be a directory: a file stands there, or above it.",
        (BigFsErrorCode.PreconditionFailed, { } at) => $"\"{at}\" has another version than the one that was named.",
        (BigFsErrorCode.VersionExpired, _) => "The version that was named is no longer readable, or never was of a file here.",
        (_, { } at) => $"The operation on \"{at}\" failed: {code}.",
        _ => $"The operation failed: {code}.",
    };
}

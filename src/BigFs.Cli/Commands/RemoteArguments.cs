using System.CommandLine;

namespace BigFs.Cli.Commands;

/// <summary>Arguments that several commands have.</summary>
internal static class RemoteArguments
{
    /// <summary>One or more paths in BigFS.</summary>
    public static Argument<string[]> Paths(string description) => new("path")
    {
        Description = description + " Written bigfs:/path or /path.",
        Arity = ArgumentArity.OneOrMore,
    };

    /// <summary>The entry at a path.</summary>
    /// <exception cref="BigFsException">NotFound; and what finding it throws.</exception>
    public static async Task<BigFsEntry> GetAsync(this IBigFsClient client, BigFsPath path, CancellationToken cancellationToken) =>
        await client.FindAsync(path, cancellationToken) ?? throw Missing(path);

    /// <summary>Nothing is there.</summary>
    public static BigFsException Missing(BigFsPath path) =>
        new(BigFsErrorCode.NotFound, $"Nothing is at \"{path}\".") { Path = path.ToString() };
}

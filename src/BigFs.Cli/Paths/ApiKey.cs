using BigFs.Cli.Errors;

namespace BigFs.Cli.Paths;

/// <summary>
/// The key that a command shows the cluster: of --api-key-file, else of the variable BIGFS_API_KEY. Never an argument, which
/// every user of the machine could read.
/// </summary>
internal static class ApiKey
{
    public const string Variable = "BIGFS_API_KEY";

    private const int MostBytes = 4096;

    /// <summary>The key that counts, or null; whether it is one is the client's to judge.</summary>
    /// <exception cref="UsageException">The file cannot be read.</exception>
    public static string? Choose(string? file, Func<string, string?> variable)
    {
        if (file is null)
        {
            return variable(Variable) is { Length: > 0 } text ? text.Trim() : null;
        }

        try
        {
            return new FileInfo(file).Length <= MostBytes
                ? File.ReadAllText(file).Trim()
                : throw new UsageException($"\"{file}\" is too long for a file with an access key.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The file of the access key cannot be read: {exception.Message}");
        }
    }
}

using BigFs.Cli.Errors;

namespace BigFs.Cli.Paths;

/// <summary>Where the cluster is: --endpoint, else the variable BIGFS_ENDPOINT, else <c>bigfs dev</c> on this machine.</summary>
internal static class EndpointAddress
{
    public const int DefaultPort = 7400;
    public const string Variable = "BIGFS_ENDPOINT";

    /// <summary>The endpoint that counts.</summary>
    /// <exception cref="UsageException">It is not one.</exception>
    public static Uri Choose(string? option, Func<string, string?> variable)
    {
        if (option is not null)
        {
            return Parse(option, "--endpoint");
        }

        string? fromVariable = variable(Variable);
        return string.IsNullOrEmpty(fromVariable) ? OfPort(DefaultPort) : Parse(fromVariable, Variable);
    }

    /// <summary>The endpoint of a name server on this machine.</summary>
    public static Uri OfPort(int port) => new($"bigfs://127.0.0.1:{port}");

    /// <summary>Parses "bigfs://host:port" or "host:port".</summary>
    /// <exception cref="UsageException">It is something else.</exception>
    public static Uri Parse(string text, string source)
    {
        string full = text.Contains("://", StringComparison.Ordinal) ? text : "bigfs://" + text;
        bool legal = Uri.TryCreate(full, UriKind.Absolute, out Uri? uri) && uri.Scheme == "bigfs"
            && uri.Host.Length > 0 && uri.Port > 0 && uri.AbsolutePath is "" or "/";
        return legal
            ? new Uri($"bigfs://{uri!.Host}:{uri.Port}")
            : throw new UsageException($"{source} \"{text}\" is no endpoint: write bigfs://HOST:PORT.");
    }
}

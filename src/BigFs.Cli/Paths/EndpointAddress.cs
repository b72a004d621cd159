namespace BigFs.Cli.Paths;

/// <summary>Where the cluster is: --endpoint, else the variable BIGFS_ENDPOINT, else <c>bigfs dev</c> on this machine.</summary>
internal static class EndpointAddress
{
    public const string Variable = "BIGFS_ENDPOINT";
    private const string Scheme = "bigfs://";

    /// <summary>Where a client looks that was not told.</summary>
    public static Uri Default { get; } = new BigFsClientOptions().Endpoint;

    /// <summary>The endpoint that counts; whether it is one is the client's to judge.</summary>
    public static Uri Choose(string? option, Func<string, string?> variable)
    {
        string? fromVariable = variable(Variable);
        return option is not null ? Parse(option)
            : string.IsNullOrEmpty(fromVariable) ? Default
            : Parse(fromVariable);
    }

    /// <summary>The endpoint of a name server on this machine.</summary>
    public static Uri OfPort(int port) => new UriBuilder(Default) { Port = port }.Uri;

    /// <summary>Reads "bigfs://host:port", "host:port" or "http(s)://host:port" of a gateway, several servers apart by commas.</summary>
    /// <exception cref="BigFsException">InvalidSettings: it is no URI at all.</exception>
    public static Uri Parse(string text)
    {
        string full = text.Contains("://", StringComparison.Ordinal) ? text : Scheme + text;
        return BigFsEndpoint.TryParse(full, out Uri? uri)
            ? uri
            : throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"The endpoint is \"{text}\": \"bigfs://host:port\" or \"http(s)://host:port\" is expected.");
    }
}

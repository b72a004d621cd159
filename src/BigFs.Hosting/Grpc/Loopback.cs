using System.Net;

namespace BigFs.Hosting.Grpc;

/// <summary>Addresses of this machine alone: the only ones that are served, and registered, without keys.</summary>
internal static class Loopback
{
    private const string Name = "localhost:";
    private const string Encrypted = "tls://";

    /// <summary>A transfer endpoint without what says that it is encrypted: that is no reason to leave the machine.</summary>
    public static string WithoutScheme(string endpoint) =>
        endpoint.StartsWith(Encrypted, StringComparison.Ordinal) ? endpoint[Encrypted.Length..] : endpoint;

    /// <summary>Parses "host:port" on loopback, by number or as "localhost"; null for anything else.</summary>
    public static IPEndPoint? Parse(string endpoint)
    {
        string numeric = endpoint.StartsWith(Name, StringComparison.OrdinalIgnoreCase)
            ? "127.0.0.1:" + endpoint[Name.Length..]
            : endpoint;
        bool named = numeric.Contains(':', StringComparison.Ordinal) && !numeric.EndsWith(']');
        return named && IPEndPoint.TryParse(numeric, out IPEndPoint? address) && IPAddress.IsLoopback(address.Address)
            ? address
            : null;
    }
}

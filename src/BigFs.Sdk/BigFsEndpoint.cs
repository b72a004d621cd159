using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace BigFs;

/// <summary>
/// Endpoints that list several name servers, or several gateways. They are written "bigfs://a:7400,b:7400" and
/// "https://a:7480,b:7480"; since a <see cref="Uri"/> holds one host only, the further ones stand in its query:
/// "bigfs://a:7400/?or=b:7400". Any that answers serves.
/// </summary>
public static class BigFsEndpoint
{
    private const int MostServers = 16;
    private const string Query = "?or=";

    /// <summary>Reads "bigfs://host:port" or "bigfs://host:port,host:port", and the same with "http" and "https".</summary>
    /// <exception cref="FormatException">It is no endpoint.</exception>
    public static Uri Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out Uri? endpoint)
            ? endpoint
            : throw new FormatException($"\"{text}\" is no endpoint: \"bigfs://host:port\" or \"http(s)://host:port\" is expected, several hosts apart by commas.");
    }

    /// <summary>As <see cref="Parse"/>; false when it is no endpoint.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Uri? endpoint)
    {
        string[] hosts = text?.Split(',', StringSplitOptions.TrimEntries) ?? [];
        string full = hosts.Length > 1 ? $"{hosts[0].TrimEnd('/')}/{Query}{string.Join(',', hosts[1..]).TrimEnd('/')}" : text ?? "";
        return Uri.TryCreate(full, UriKind.Absolute, out endpoint);
    }

    /// <summary>The servers, "host:port" apart by commas; null when the query is none of an endpoint's.</summary>
    internal static string? Servers(Uri endpoint)
    {
        if (endpoint.Query.Length == 0)
        {
            return First(endpoint);
        }

        string[] further = endpoint.Query.StartsWith(Query, StringComparison.Ordinal) ? endpoint.Query[Query.Length..].Split(',') : [];
        bool right = further.Length is > 0 and < MostServers
            && further.All(one => Uri.TryCreate("http://" + one, UriKind.Absolute, out Uri? uri)
                && uri is { PathAndQuery: "/", UserInfo: "", Host.Length: > 0 } && one.LastIndexOf(':') is > 0 and int colon
                && ushort.TryParse(one.AsSpan(colon + 1), out ushort port) && port > 0);
        return right ? string.Join(',', further.Prepend(First(endpoint))) : null;
    }

    /// <summary>With the port, also where it is the scheme's own.</summary>
    private static string First(Uri endpoint) =>
        endpoint.IsDefaultPort ? string.Create(CultureInfo.InvariantCulture, $"{endpoint.Authority}:{endpoint.Port}") : endpoint.Authority;
}

using System.Net;

namespace BigFs.Hosting.Grpc;

/// <summary>
/// Which endpoints roles may register and be listened on at. Where no keys are required: of this machine alone. Else whatever
/// another machine can connect to, for only a role that proved itself registers one.
/// </summary>
internal sealed class EndpointRules
{
    private readonly bool _beyondLoopback;

    private EndpointRules(bool beyondLoopback) => _beyondLoopback = beyondLoopback;

    /// <summary>The rules of a cluster without keys.</summary>
    public static EndpointRules LoopbackOnly { get; } = new(false);

    /// <summary>The rules of a cluster with keys.</summary>
    public static EndpointRules WithKeys { get; } = new(true);

    /// <summary>What is wrong with an endpoint that a role registers, as a sentence; null when it is fine.</summary>
    /// <param name="endpoint">"host:port".</param>
    /// <param name="fromLoopback">Whether the call came from this machine; null where that is not known.</param>
    public string? Problem(string endpoint, bool? fromLoopback)
    {
        if (!_beyondLoopback)
        {
            return Loopback.Parse(endpoint) is { Port: > 0 }
                ? null
                : $"The endpoint \"{endpoint}\" is refused: without keys only \"host:port\" on loopback is registered.";
        }

        if (!TrySplit(endpoint, out string host, out int port) || port == 0)
        {
            return $"The endpoint \"{endpoint}\" is refused: \"host:port\" is expected.";
        }

        if (Loopback.Parse(endpoint) is not null)
        {
            return fromLoopback == false
                ? $"The endpoint \"{endpoint}\" is refused: from another machine it leads back to the caller of it; set the address to advertise."
                : null;
        }

        return IPAddress.TryParse(host, out IPAddress? address) && !CanBeReached(address)
            ? $"The endpoint \"{endpoint}\" is refused: nobody can connect to it from another machine; set the address to advertise."
            : null;
    }

    /// <summary>Splits "host:port"; an IPv6 address stands in brackets.</summary>
    public static bool TrySplit(string? endpoint, out string host, out int port)
    {
        (host, port) = ("", 0);
        int colon = endpoint?.LastIndexOf(':') ?? -1;
        if (colon < 1 || !ushort.TryParse(endpoint.AsSpan(colon + 1), out ushort number))
        {
            return false;
        }

        host = endpoint![..colon];
        port = number;
        bool bracketed = host is ['[', _, .., ']'];
        host = bracketed ? host[1..^1] : host;
        return bracketed
            ? IPAddress.TryParse(host, out IPAddress? six) && six.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4;
    }

    /// <summary>Whether an address stands for all addresses of a machine.</summary>
    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static bool CanBeReached(IPAddress address)
    {
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        byte[] bytes = plain.GetAddressBytes();
        return !IsAny(plain)
            && !plain.IsIPv6LinkLocal
            && !plain.IsIPv6Multicast
            && !(bytes.Length == 4 && (bytes[0] >= 224 || bytes[0] == 0 || (bytes[0] == 169 && bytes[1] == 254)));
    }
}

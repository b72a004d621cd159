using System.Net;

namespace BigFs.Hosting.Grpc;

/// <summary>Where a role listens, and what others are told of it.</summary>
internal static class ListenAddress
{
    /// <summary>Reads an address to listen on.</summary>
    /// <param name="address">"host:port"; the host is a number or "localhost".</param>
    /// <param name="beyondLoopback">Whether other machines may reach it.</param>
    /// <param name="advertise">What others are told, if that is set.</param>
    /// <exception cref="BigFsException">InvalidSettings, with what would be right.</exception>
    public static IPEndPoint Parse(string address, bool beyondLoopback, string? advertise)
    {
        if (Loopback.Parse(address) is { } loopback)
        {
            return loopback;
        }

        if (!beyondLoopback)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The address \"{address}\" to listen on must be \"host:port\" on loopback (127.0.0.1, [::1] or localhost):"
                + " without keys nothing is served beyond it; set RequireKeys and a cluster secret to listen there.");
        }

        if (!EndpointRules.TrySplit(address, out string host, out int port) || !IPAddress.TryParse(host, out IPAddress? number))
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The address \"{address}\" to listen on must be \"host:port\" with a number as the host, as 192.0.2.1:7400 or 0.0.0.0:7400.");
        }

        return EndpointRules.IsAny(number) && advertise is null
            ? throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The address \"{address}\" to listen on stands for all addresses of this machine: set the one to advertise, too.")
            : new IPEndPoint(number, port);
    }

    /// <summary>What others are told: the setting, with the port that is listened on where it says 0.</summary>
    public static string Advertised(string? advertise, Uri listening) =>
        advertise is null ? listening.Authority
        : advertise.EndsWith(":0", StringComparison.Ordinal) ? $"{advertise[..^1]}{listening.Port}"
        : advertise;
}

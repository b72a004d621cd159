using System.Net;
using System.Net.Sockets;

namespace BigFs.Cli.Roles;

/// <summary>
/// Ports on loopback that are kept over restarts. They are taken one after the other, below the range from which the
/// system lends ports to outgoing connections, so that none of those can sit on a role's port while the role is away.
/// </summary>
internal static class Ports
{
    private const int First = 20_000;
    private const int Last = 32_000;

    /// <summary>Where a search starts when any port will do; another place in each process, so that they seldom meet.</summary>
    public static int Anywhere => First + (Environment.ProcessId * 101 % (Last - First));

    /// <summary>The first free port from this one on that is not spoken for.</summary>
    /// <exception cref="BigFsException">AddressInUse: none is free.</exception>
    public static int NextFree(int from, ICollection<int> spokenFor)
    {
        for (int port = from; port <= IPEndPoint.MaxPort; port++)
        {
            if (!spokenFor.Contains(port) && IsFree(port))
            {
                return port;
            }
        }

        throw new BigFsException(BigFsErrorCode.AddressInUse, $"No port from {from} on is free.");
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

using System.Net.Sockets;
using System.Text;

namespace BigFs.Cli.Roles;

/// <summary>
/// Tells systemd how the service fares: a datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)); nothing where there
/// is none. Never fails the service.
/// </summary>
internal static class SystemdNotifier
{
    private const string Variable = "NOTIFY_SOCKET";

    /// <summary>The service serves.</summary>
    public static bool Ready(Func<string, string?> variable) => Send(variable, "READY=1");

    /// <summary>The service has begun to stop.</summary>
    public static bool Stopping(Func<string, string?> variable) => Send(variable, "STOPPING=1");

    private static bool Send(Func<string, string?> variable, string state)
    {
        if (variable(Variable) is not { Length: > 1 } path || path[0] is not ('/' or '@'))
        {
            return false;
        }

        try
        {
            // An abstract socket is written with an at-sign in the place of its first byte, a zero.
            var address = new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path);
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(state), address);
            return true;
        }
        catch (SocketException)
        {
            // Whoever listened has gone; it waits for nothing.
            return false;
        }
    }
}

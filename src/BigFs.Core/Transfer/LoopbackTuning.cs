using System.Net;
using System.Net.Sockets;

namespace BigFs.Core.Transfer;

/// <summary>
/// Keeps congestion control off loopback, where there is nothing to be congested: one that paces (BBR) spends timers and
/// small segments there, a third of a large transfer's processor time.
/// </summary>
internal static class LoopbackTuning
{
    private const int Tcp = 6;
    private const int Congestion = 13;

    /// <summary>Chooses a congestion control that does not pace when both ends are on this machine; Linux only.</summary>
    public static void Apply(Socket socket)
    {
        if (!OperatingSystem.IsLinux() || (socket.RemoteEndPoint as IPEndPoint)?.Address is not { } peer
            || !IPAddress.IsLoopback(peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer))
        {
            return;
        }

        try
        {
            // Reno is part of every kernel and free to all; what a network wants is left to the machine's own setting.
            socket.SetRawSocketOption(Tcp, Congestion, "reno"u8);
        }
        catch (SocketException)
        {
            // A sandbox that forbids it: slower, and nothing else.
            return;
        }
    }
}

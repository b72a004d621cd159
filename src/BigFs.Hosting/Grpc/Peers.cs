using System.Net;
using Grpc.Core;

namespace BigFs.Hosting.Grpc;

/// <summary>From where a call comes.</summary>
internal static class Peers
{
    /// <summary>Whether it comes from this machine.</summary>
    public static bool IsOnLoopback(ServerCallContext context) =>
        context.GetHttpContext().Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address);
}

using BigFs.Core.Control;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging;

namespace BigFs.Internal;

/// <summary>The one place where a client's seams are made of connections.</summary>
internal static class RemoteSeams
{
    /// <summary>Makes both; nothing is connected before the first call.</summary>
    public static (IFileServer FileServer, IChunkTransport Transport) Create(ClientSettings settings, ILoggerFactory loggers) =>
        throw new BigFsException(BigFsErrorCode.Unavailable, $"No way to {settings.Endpoint} yet ({loggers}).");
}

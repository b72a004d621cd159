using Microsoft.Extensions.Logging;

namespace BigFs.Hosting;

/// <summary>Events of a cluster in one process; ids 3301 to 3399.</summary>
internal static partial class ClusterLog
{
    [LoggerMessage(3301, LogLevel.Error, "The cluster starts without room for new files; what is there can be read and deleted. {Reason}")]
    public static partial void StartedWithoutRoom(ILogger logger, string reason);
}

using Microsoft.Extensions.Logging;

namespace BigFs.Internal;

/// <summary>The SDK's log events; their numbers are stable, 1000 to 1099.</summary>
internal static partial class SdkLog
{
    [LoggerMessage(1000, LogLevel.Debug, "A report about volume {Volume} on datanode {Node} did not get through")]
    public static partial void ReportFailed(ILogger logger, long volume, string node, Exception exception);

    [LoggerMessage(1001, LogLevel.Warning, "A chunk of {Path} could not be written to volume {Volume} (datanode {Node}): {Status}. {Detail}")]
    public static partial void ChunkWriteFailed(ILogger logger, string path, long volume, string node, string status, string detail);

    [LoggerMessage(1002, LogLevel.Warning, "Chunk {Key} of {Path} could not be read from datanode {Node} ({Endpoint}): {Status}")]
    public static partial void ChunkReadFailed(ILogger logger, string key, string path, string node, string endpoint, string status);

    [LoggerMessage(1003, LogLevel.Warning, "The upload session of {Path} was not renewed; it is tried again")]
    public static partial void RenewalFailed(ILogger logger, string path, Exception exception);

    [LoggerMessage(1004, LogLevel.Information, "The upload of {Path} was given up, but the cluster could not be told: its session will expire by itself")]
    public static partial void AbortFailed(ILogger logger, string path, Exception exception);

    [LoggerMessage(1005, LogLevel.Debug, "Grants for {Path} were not fetched ahead of need")]
    public static partial void PrefetchFailed(ILogger logger, string path, Exception exception);

    [LoggerMessage(1006, LogLevel.Warning, "The places of volume {Volume} could not be refreshed for {Path}")]
    public static partial void LocateFailed(ILogger logger, long volume, string path, Exception exception);

    [LoggerMessage(1007, LogLevel.Warning, "The read lease on {Path} was not renewed")]
    public static partial void ReadLeaseFailed(ILogger logger, string path, Exception exception);

    [LoggerMessage(1008, LogLevel.Debug, "{Path} was not read ahead of the answer whether it is unchanged")]
    public static partial void GuessFailed(ILogger logger, string path, Exception exception);
}

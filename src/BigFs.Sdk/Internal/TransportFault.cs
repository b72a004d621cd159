using BigFs.Core.Model;

namespace BigFs.Internal;

/// <summary>
/// An exception of the data plane, where expected failures are values: a fault inside BigFS, told as such.
/// </summary>
internal static class TransportFault
{
    /// <summary>The exception that the caller gets.</summary>
    public static BigFsException Of(Exception exception, BigFsPath path, VolumeId volume) => new(
        (exception as BigFsException)?.Code ?? BigFsErrorCode.Internal,
        $"A transfer of \"{path}\" with volume {volume} failed unexpectedly: {exception.Message}",
        exception)
    {
        Path = path.ToString(),
        Endpoint = (exception as BigFsException)?.Endpoint,
    };
}

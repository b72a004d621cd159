namespace BigFs.Internal.Gateway;

/// <summary>Reads ranges of a file's version through the gateway until the stall time-out has passed since the first failure.</summary>
internal static class GatewayRange
{
    /// <summary>Fills the destination; returns its checksum.</summary>
    /// <exception cref="BigFsException">Damaged, VersionExpired, Unavailable, TimedOut, or what else the gateway says.</exception>
    public static async ValueTask<uint> ReadAsync(
        ClientContext context, BigFsFile file, long position, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var backOff = new BackOff(context.Time, context.Settings.StallTimeout);
        while (true)
        {
            try
            {
                return await context.Gateway!.ReadAsync(file, position, destination, cancellationToken).ConfigureAwait(false);
            }
            catch (BigFsException exception) when (exception.Code is BigFsErrorCode.Unavailable or BigFsErrorCode.Damaged)
            {
                // Damaged on the way here is worth one more try; a file that is damaged stays so.
                bool again = (exception.Code == BigFsErrorCode.Unavailable || backOff.Attempts == 0)
                    && await backOff.WaitAsync(elsewhere: true, cancellationToken).ConfigureAwait(false);
                if (!again)
                {
                    throw new BigFsException(exception.Code, exception.Message, exception)
                    {
                        Path = file.Path.ToString(),
                        Endpoint = exception.Endpoint,
                        Attempts = Math.Max(1, backOff.Attempts),
                    };
                }
            }
        }
    }
}

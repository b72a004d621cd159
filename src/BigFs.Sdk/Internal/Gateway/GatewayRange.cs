namespace BigFs.Internal.Gateway;

/// <summary>Reads ranges of a file's version through the gateway until the stall time-out has passed since the first failure.</summary>
internal static class GatewayRange
{
    /// <summary>
    /// Largest range of a download: 4 MiB. A call costs a third of a millisecond at both ends, which is felt in smaller ones; larger
    /// ones take memory for little.
    /// </summary>
    public const int Largest = 4 << 20;

    /// <summary>Most ranges of a download at once: more take memory and processor caches, and bring nothing.</summary>
    public const int MostAtOnce = 3;

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

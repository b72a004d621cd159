using System.Security.Cryptography;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Makes versions: milliseconds since 2020 in the upper 42 bits, then 22 random ones for the first of a millisecond and one
/// more for each after it. So they grow with time, and the index that holds them is written at its end, whatever its size;
/// and a database that was restored from a backup gives none of those again that it gave after the backup. For the writer
/// alone.
/// </summary>
internal sealed class SqliteVersions(SqliteMetadataClock clock)
{
    private const int RandomBits = 22;

    private static readonly long Epoch = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    private long _last;

    /// <summary>A number that was never a version; above 0.</summary>
    public long Next()
    {
        long now = Math.Max(0, (clock.Now() - Epoch) / TimeSpan.TicksPerMillisecond) << RandomBits;
        if (_last >> RandomBits >= now >> RandomBits)
        {
            return ++_last;
        }

        // Half of the range is left to those that follow.
        return _last = now | (uint)RandomNumberGenerator.GetInt32(1, 1 << (RandomBits - 1));
    }
}

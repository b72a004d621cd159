using BigFs.Core.Storage;

namespace BigFs.Core.Tests.Faults;

/// <summary>Reads a volume log that is given as bytes.</summary>
/// <param name="Records">Chunks and delete marks that were found.</param>
/// <param name="End">Where the log ends.</param>
/// <param name="Damage">What is damaged; null when nothing is.</param>
internal sealed record LogProbe(IReadOnlyList<FoundRecord> Records, long End, string? Damage)
{
    /// <summary>Null when the image has no superblock.</summary>
    public static LogProbe? Read(byte[] image)
    {
        if (LogFormat.ReadSuperblock(image, "image") is not { } block)
        {
            return null;
        }

        // A file in memory completes everything at once.
        var records = new List<FoundRecord>();
        LogContents contents = LogScan.RunAsync(
            new ImageDisk.Image(image),
            LogFormat.HeaderSeed(block.Salt),
            LogPosition.Start,
            durable: LogFormat.PageSize,
            length: null,
            records.Add).AsTask().GetAwaiter().GetResult();
        return new LogProbe(records, contents.Position.End, contents.Damage);
    }
}

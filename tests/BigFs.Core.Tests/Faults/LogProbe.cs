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
        LogContents contents = LogScan.RunAsync(new ImageFile(image), LogFormat.HeaderSeed(block.Salt))
            .AsTask().GetAwaiter().GetResult();
        return new LogProbe([.. contents.Records.Where(record => record.Epoch is null)], contents.End, contents.Damage);
    }

    /// <summary>Bytes as a file that is only read.</summary>
    private sealed class ImageFile(byte[] image) : IDiskFile
    {
        public ValueTask<long> GetLengthAsync() => new(image.Length);

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination)
        {
            int count = (int)Math.Clamp(image.Length - offset, 0, destination.Length);
            image.AsSpan((int)Math.Min(offset, image.Length), count).CopyTo(destination.Span);
            return new ValueTask<int>(count);
        }

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes) => throw new NotSupportedException();

        public ValueTask SyncAsync() => throw new NotSupportedException();

        public ValueTask ExtendAsync(long length) => throw new NotSupportedException();

        public ValueTask TruncateAsync(long length) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

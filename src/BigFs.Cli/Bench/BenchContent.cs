namespace BigFs.Cli.Bench;

/// <summary>
/// The content of every file: pseudo-random bytes, made once and shared, so that the client's time goes into BigFS. A
/// file longer than the pattern repeats it.
/// </summary>
internal sealed class BenchContent
{
    /// <summary>Bytes of the pattern, a file's size at most: 4 MiB.</summary>
    public const int MaxPattern = 4 << 20;

    private const int Seed = 20260131;

    private readonly byte[] _pattern;

    public BenchContent(long size)
        : this(size, new byte[Math.Min(size, MaxPattern)]) => new Random(Seed).NextBytes(_pattern);

    private BenchContent(long size, byte[] pattern)
    {
        Size = size;
        _pattern = pattern;
    }

    /// <summary>Bytes of a file.</summary>
    public long Size { get; }

    /// <summary>The same for files of at most so many bytes; shares the pattern, so that it takes no memory.</summary>
    public BenchContent AtMost(long size) => new(Math.Min(size, Size), _pattern);

    /// <summary>Uploads one file the way an application would: bytes that it holds, or a stream of known length.</summary>
    public async Task<UploadResult> UploadAsync(
        IBigFsClient client, BigFsPath path, UploadOptions options, CancellationToken cancellationToken)
    {
        if (Size <= _pattern.Length)
        {
            return await client.UploadBytesAsync(path, _pattern.AsMemory(0, (int)Size), options, cancellationToken);
        }

        using var stream = new PatternStream(_pattern, Size);
        return await client.UploadAsync(path, stream, options, cancellationToken);
    }
}

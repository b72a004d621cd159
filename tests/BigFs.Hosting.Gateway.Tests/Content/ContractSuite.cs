using BigFs.Core.Chunking;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

/// <summary>What every client owes, whichever way it reaches the cluster. Each test has a directory of its own.</summary>
/// <param name="way">"direct" or "gateway".</param>
internal abstract class ContractSuite(string way)
{
    protected const int Chunk = 64 << 10;

    private static int _directories;

    protected IBigFsClient Client => ContractCluster.Client(way);

    /// <summary>The test's directory; nothing is there.</summary>
    protected BigFsPath Here { get; private set; }

    [SetUp]
    public void Choose() => Here = $"/{way}-{Interlocked.Increment(ref _directories)}";

    protected static byte[] Bytes(int length, int seed = 7)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected static UploadOptions Small(IProgress<long>? progress = null) => new() { ChunkSize = Chunk, Progress = progress };

    protected async Task<UploadResult> PutAsync(BigFsPath path, byte[] content, UploadOptions? options = null) =>
        await Client.UploadAsync(path, new MemoryStream(content), options ?? Small());

    protected async Task<byte[]> GetAsync(BigFsPath path)
    {
        using var back = new MemoryStream();
        await Client.DownloadAsync(path, back);
        return back.ToArray();
    }

    protected static async Task FailsAsync(BigFsErrorCode code, Func<Task> operation)
    {
        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(async () => await operation()))!;
        Assert.That(error.Code, Is.EqualTo(code), error.Message);
        Assert.That(error.Message, Is.Not.Empty);
    }

    protected static uint Checksum(byte[] content) => Crc32C.Compute(content);
}

/// <summary>A source like a pipe: no length, no seeking, only asynchronous reads, at most so many bytes each.</summary>
internal sealed class PipeSource(byte[] content, int mostPerRead) : Stream
{
    /// <summary>Called before each read with the bytes handed out so far.</summary>
    public Func<int, CancellationToken, Task>? OnRead { get; set; }

    public int HandedOut { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (OnRead is { } hook)
        {
            await hook(HandedOut, cancellationToken);
        }

        int count = Math.Min(Math.Min(mostPerRead, buffer.Length), content.Length - HandedOut);
        content.AsMemory(HandedOut, count).CopyTo(buffer);
        HandedOut += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("synchronous");

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>Calls back at once, on the reporting flow, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class TestProgress : IProgress<long>
{
    private readonly Lock _lock = new();
    private readonly List<long> _values = [];

    public IReadOnlyList<long> Values
    {
        get
        {
            lock (_lock)
            {
                return [.. _values];
            }
        }
    }

    public void Report(long value)
    {
        lock (_lock)
        {
            _values.Add(value);
        }
    }
}

namespace BigFs.Sdk.Tests.Fakes;

/// <summary>A source like a pipe: no length, no seeking, only asynchronous reads, at most so many bytes each.</summary>
internal sealed class PipeLikeStream(byte[] content, int mostPerRead) : Stream
{
    private int _position;

    /// <summary>Called before each read with the bytes handed out so far.</summary>
    public Func<int, CancellationToken, Task>? OnRead { get; set; }

    public bool WasDisposed { get; private set; }

    public int HandedOut => Volatile.Read(ref _position);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (OnRead is { } hook)
        {
            await hook(_position, cancellationToken);
        }

        int count = Math.Min(Math.Min(mostPerRead, buffer.Length), content.Length - _position);
        content.AsMemory(_position, count).CopyTo(buffer);
        Volatile.Write(ref _position, _position + count);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("synchronous");

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        WasDisposed = true;
        base.Dispose(disposing);
    }
}

/// <summary>Calls back at once, on the reporting flow, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class SynchronousProgress : IProgress<long>
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

internal static class Make
{
    /// <summary>Bytes that are the same for the same seed.</summary>
    public static byte[] Bytes(int length, int seed = 7)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Waits for a condition, at most ten seconds.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!condition())
        {
            Assert.That(deadline.IsCancellationRequested, Is.False, $"waited in vain for: {what}");
            await Task.Delay(2);
        }
    }
}

/// <summary>A destination that hands each write to a test.</summary>
internal sealed class CallbackStream(Func<ReadOnlyMemory<byte>, CancellationToken, Task> onWrite) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await onWrite(buffer, cancellationToken);

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("synchronous");

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

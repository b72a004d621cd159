using System.Buffers.Binary;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>Bytes that follow from a seed and a position, so that content of any length can be made and checked anew.</summary>
internal sealed class SeededContent(long seed, long length) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <summary>All of it.</summary>
    public static byte[] Bytes(long seed, int length)
    {
        byte[] bytes = new byte[length];
        using var content = new SeededContent(seed, length);
        content.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Reads a stream to its end and checks that it is exactly this content.</summary>
    public static async Task AssertEqualAsync(Stream actual, long seed, long length)
    {
        await using var expected = new SeededContent(seed, length);
        byte[] left = new byte[256 << 10], right = new byte[256 << 10];
        long position = 0;
        while (true)
        {
            int read = await actual.ReadAtLeastAsync(left, left.Length, throwOnEndOfStream: false);
            int wanted = await expected.ReadAtLeastAsync(right, right.Length, throwOnEndOfStream: false);
            int equal = left.AsSpan(0, Math.Min(read, wanted)).CommonPrefixLength(right);
            Assert.That((equal, read), Is.EqualTo((wanted, wanted)), $"differs at {position + equal} of {length}");
            position += read;
            if (read < left.Length)
            {
                return;
            }
        }
    }

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, length - _position);
        Span<byte> word = stackalloc byte[8];
        int done = 0;
        while (done < count)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Mix((ulong)seed * 0x9E3779B97F4A7C15 + (ulong)(_position >> 3)));
            ReadOnlySpan<byte> from = word[(int)(_position & 7)..];
            int step = Math.Min(from.Length, count - done);
            from[..step].CopyTo(buffer[done..]);
            done += step;
            _position += step;
        }

        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).</summary>
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

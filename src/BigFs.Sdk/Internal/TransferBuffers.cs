using System.Buffers;
using System.Numerics;

namespace BigFs.Internal;

/// <summary>
/// The buffers of one transfer: never more than its concurrency at once, which is what bounds its memory. Who holds one
/// returns it, or forgets it when something may still touch it. Thread-safe.
/// </summary>
internal sealed class TransferBuffers(int most) : IDisposable
{
    private readonly SemaphoreSlim _free = new(most, most);

    /// <summary>A buffer of at least so many bytes, as soon as one is free.</summary>
    public async ValueTask<byte[]> RentAsync(int length, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        return AllocateOrRelease(length);
    }

    /// <summary>The same, holding the calling thread while none is free.</summary>
    public byte[] Rent(int length, CancellationToken cancellationToken)
    {
        _free.Wait(cancellationToken);
        return AllocateOrRelease(length);
    }

    /// <summary>Exchanges a buffer for a longer one that begins with the same bytes.</summary>
    public static byte[] Grow(byte[] buffer, int used, int length)
    {
        byte[] longer = Allocate(length);
        buffer.AsSpan(0, used).CopyTo(longer);
        Release(buffer);
        return longer;
    }

    /// <summary>Gives a buffer back that nobody touches any more.</summary>
    public void Return(byte[] buffer)
    {
        Release(buffer);
        _free.Release();
    }

    /// <summary>Gives up a buffer that an abandoned call may still touch: it is never used again.</summary>
    public void Forget() => _free.Release();

    /// <inheritdoc/>
    public void Dispose() => _free.Dispose();

    private byte[] AllocateOrRelease(int length)
    {
        try
        {
            return Allocate(length);
        }
        catch
        {
            _free.Release();
            throw;
        }
    }

    /// <summary>
    /// A buffer outside any transfer's bound. The shared pool rounds up to powers of two; other lengths are allocated
    /// exactly, to keep to the stated memory.
    /// </summary>
    public static byte[] Allocate(int length) => BitOperations.IsPow2(length)
        ? ArrayPool<byte>.Shared.Rent(length)
        : GC.AllocateUninitializedArray<byte>(length);

    /// <summary>Gives back what <see cref="Allocate"/> gave and nobody touches any more.</summary>
    public static void Release(byte[] buffer)
    {
        if (BitOperations.IsPow2(buffer.Length))
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

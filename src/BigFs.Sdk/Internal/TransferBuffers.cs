using System.Buffers;
using System.Numerics;

namespace BigFs.Internal;

/// <summary>
/// The buffers of one transfer: never more than its concurrency at once, which is what bounds its memory. Who holds one
/// returns it, or forgets it when something may still touch it. Thread-safe.
/// </summary>
internal sealed class TransferBuffers : IDisposable
{
    private readonly LargeBuffers _large;
    private readonly SemaphoreSlim _free;

    /// <summary>Begins a transfer.</summary>
    /// <param name="most">Most buffers at once.</param>
    /// <param name="large">Where the large ones come from.</param>
    public TransferBuffers(int most, LargeBuffers large)
    {
        _large = large;
        _free = new SemaphoreSlim(most, most);
        large.Enter();
    }

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
    public byte[] Grow(byte[] buffer, int used, int length)
    {
        byte[] longer = Take(length);
        buffer.AsSpan(0, used).CopyTo(longer);
        GiveBack(buffer);
        return longer;
    }

    /// <summary>Gives a buffer back that nobody touches any more.</summary>
    public void Return(byte[] buffer)
    {
        GiveBack(buffer);
        _free.Release();
    }

    /// <summary>Gives up a buffer that an abandoned call may still touch: it is never used again.</summary>
    public void Forget() => _free.Release();

    /// <inheritdoc/>
    public void Dispose()
    {
        _free.Dispose();
        _large.Exit();
    }

    private byte[] AllocateOrRelease(int length)
    {
        try
        {
            return Take(length);
        }
        catch
        {
            _free.Release();
            throw;
        }
    }

    private byte[] Take(int length) =>
        length > LargeBuffers.LargestOfSharedPool ? _large.Rent(length) : Allocate(length);

    private void GiveBack(byte[] buffer)
    {
        if (buffer.Length > LargeBuffers.LargestOfSharedPool)
        {
            _large.Return(buffer);
        }
        else
        {
            Release(buffer);
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

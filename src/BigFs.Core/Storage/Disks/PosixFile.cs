using System.Buffers;
using System.Runtime.InteropServices;
using BigFs.Core.Threading;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>
/// A file with two descriptors: aligned writes go through the direct one, everything else through the buffered one. The
/// kernel drops cached pages of a range that is written directly, so that readers see what was written.
/// </summary>
internal sealed unsafe class PosixFile(
    string path, SafeFileHandle buffered, SafeFileHandle? direct, BlockingThreads writers, BlockingThreads readers) : IDiskFile
{
    /// <summary>Reads up to this length are tried at once: copying so much costs less than a change of threads.</summary>
    private const int MostFromCache = 64 << 10;

    /// <summary>Zeros are written so many bytes at a time: 256 KiB.</summary>
    private const int ZeroLength = 256 << 10;

    private static readonly Lazy<nint> Zeros = new(AllocateZeros);

    public SafeFileHandle? Handle => buffered;

    public ValueTask EnterWriterAsync() => new(writers.EnterAsync());

    public ValueTask<long> GetLengthAsync() => readers.RunAsync(
        () => Folders.Translate("length", path, () => RandomAccess.GetLength(buffered)));

    public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) =>
        destination.Length <= MostFromCache && ReadCached(offset, destination) == destination.Length
            ? ValueTask.FromResult(destination.Length)
            : readers.RunAsync(() => Read(offset, destination));

    public ValueTask<int> ReadPastCacheAsync(long offset, Memory<byte> destination) =>
        readers.RunAsync(() => direct is null ? Read(offset, destination) : ReadDirectly(direct, offset, destination));

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes) => writers.RunAsync(() => Write(offset, bytes));

    public ValueTask SyncAsync() => writers.RunAsync(() =>
    {
        // One call, never repeated: after a failure the kernel marks the pages clean and a second sync would succeed.
        if (Libc.SyncData(buffered) != 0)
        {
            throw Libc.Error("flush", path, Marshal.GetLastPInvokeError());
        }
    });

    public ValueTask ExtendAsync(long length) => writers.RunAsync(() =>
    {
        long now = Folders.Translate("length", path, () => RandomAccess.GetLength(buffered));
        int error = 0;
        do
        {
            error = length > now ? Libc.Allocate(buffered, now, length - now) : 0;
        }
        while (error == Libc.ErrorInterrupted);
        if (error != 0)
        {
            throw Libc.Error("extension", path, error);
        }
    });

    /// <summary>
    /// Reserved blocks are marked as not yet written, and the flush after the first write to each has to write the file
    /// system's journal, too: half of the time of a small flush. Only past the cache, where zeros cost a write and nothing else.
    /// </summary>
    public ValueTask ZeroAsync(long offset, int length) => direct is null || !IsAligned(offset) || !IsAligned(length)
        ? ValueTask.CompletedTask
        : writers.RunAsync(() =>
        {
            for (int done = 0; done < length; done += ZeroLength)
            {
                Write(direct, (byte*)Zeros.Value, offset + done, Math.Min(ZeroLength, length - done));
            }
        });

    public ValueTask TruncateAsync(long length) => writers.RunAsync(() =>
    {
        int result;
        do
        {
            result = Libc.Truncate(buffered, length);
        }
        while (result != 0 && Marshal.GetLastPInvokeError() == Libc.ErrorInterrupted);
        if (result != 0)
        {
            throw Libc.Error("truncation", path, Marshal.GetLastPInvokeError());
        }
    });

    public ValueTask DisposeAsync()
    {
        // A call under way holds a reference; the descriptors are closed when it has returned.
        direct?.Dispose();
        buffered.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Reads what the page cache has, without waiting for the disk; -1 when that is not all or not possible.</summary>
    private int ReadCached(long offset, Memory<byte> destination)
    {
        using MemoryHandle memory = destination.Pin();
        return (int)Libc.ReadNow(buffered, (byte*)memory.Pointer, destination.Length, offset);
    }

    /// <summary>Memory that is only read, for as long as the process lives.</summary>
    private static nint AllocateZeros()
    {
        void* zeros = NativeMemory.AlignedAlloc(ZeroLength, ChunkBuffer.Alignment);
        NativeMemory.Clear(zeros, ZeroLength);
        return (nint)zeros;
    }

    private static bool IsAligned(long value) => (value & (ChunkBuffer.Alignment - 1)) == 0;

    /// <summary>Reads the whole pages around the range into memory of their own, and copies what was asked for.</summary>
    private int ReadDirectly(SafeFileHandle file, long offset, Memory<byte> destination)
    {
        int before = (int)(offset & (ChunkBuffer.Alignment - 1));
        int length = LogFormat.Align(before + destination.Length, ChunkBuffer.Alignment);
        var pages = (byte*)NativeMemory.AlignedAlloc((nuint)length, ChunkBuffer.Alignment);
        try
        {
            int count = Math.Clamp(Read(file, pages, length, offset - before) - before, 0, destination.Length);
            new ReadOnlySpan<byte>(pages + before, count).CopyTo(destination.Span);
            return count;
        }
        finally
        {
            NativeMemory.AlignedFree(pages);
        }
    }

    private int Read(long offset, Memory<byte> destination)
    {
        using MemoryHandle memory = destination.Pin();
        return Read(buffered, (byte*)memory.Pointer, destination.Length, offset);
    }

    private int Read(SafeFileHandle file, byte* destination, int length, long offset)
    {
        int done = 0;
        while (done < length)
        {
            nint count = Libc.Read(file, destination + done, length - done, offset + done);
            if (count > 0)
            {
                done += (int)count;
                if (file == direct && !IsAligned(done))
                {
                    break; // the end of the file, within a page
                }
            }
            else if (count == 0)
            {
                break;
            }
            else if (Marshal.GetLastPInvokeError() != Libc.ErrorInterrupted)
            {
                throw Libc.Error("read", path, Marshal.GetLastPInvokeError());
            }
        }

        return done;
    }

    private void Write(long offset, ReadOnlyMemory<byte> bytes)
    {
        using MemoryHandle memory = bytes.Pin();
        bool aligned = IsAligned(offset) && IsAligned(bytes.Length) && IsAligned((long)memory.Pointer);
        Write(aligned && direct is not null ? direct : buffered, (byte*)memory.Pointer, offset, bytes.Length);
    }

    private void Write(SafeFileHandle file, byte* bytes, long offset, int length)
    {
        int done = 0;
        while (done < length)
        {
            // A direct write cut short at an odd place would be refused as unaligned: the rest goes the other way.
            file = IsAligned(done) ? file : buffered;
            nint count = Libc.Write(file, bytes + done, length - done, offset + done);
            if (count > 0)
            {
                done += (int)count;
            }
            else if (count == 0)
            {
                throw new DiskException($"write of \"{path}\" made no progress.");
            }
            else if (Marshal.GetLastPInvokeError() != Libc.ErrorInterrupted)
            {
                throw Libc.Error("write", path, Marshal.GetLastPInvokeError());
            }
        }
    }
}

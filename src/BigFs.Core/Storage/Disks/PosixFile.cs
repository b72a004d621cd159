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
    public SafeFileHandle? Handle => buffered;

    public ValueTask<long> GetLengthAsync() => readers.RunAsync(
        () => Folders.Translate("length", path, () => RandomAccess.GetLength(buffered)));

    public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) =>
        readers.RunAsync(() => Read(offset, destination));

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
        SafeFileHandle file = aligned && direct is not null ? direct : buffered;
        int done = 0;
        while (done < bytes.Length)
        {
            // A direct write cut short at an odd place would be refused as unaligned: the rest goes the other way.
            file = IsAligned(done) ? file : buffered;
            nint count = Libc.Write(file, (byte*)memory.Pointer + done, bytes.Length - done, offset + done);
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

using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Benchmarks;

/// <summary>
/// The least that a durable log can do on Linux: one direct write at the end into space that was reserved before, and one
/// fdatasync.
/// </summary>
internal sealed unsafe partial class RawLog : IDisposable
{
    private const int Page = 4096;
    private const long Reservation = 256L << 20;
    private const int CreateReadWrite = 2 | 0x40;

    private readonly SafeFileHandle _file;
    private readonly nint _length;
    private byte* _buffer;
    private long _end;
    private long _reserved;

    public RawLog(string path, int recordLength)
    {
        int direct = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;
        _file = new SafeFileHandle(Open(path, CreateReadWrite | direct, 0x180), ownsHandle: true); // rw-------
        Check(_file.IsInvalid ? -1 : 0, "open");
        _length = (recordLength + Page - 1) / Page * Page;
        _buffer = (byte*)NativeMemory.AlignedAlloc((nuint)_length, Page);
        new Span<byte>(_buffer, (int)_length).Clear();
    }

    public void Append(ReadOnlySpan<byte> record)
    {
        record.CopyTo(new Span<byte>(_buffer, (int)_length));
        if (_end + _length > _reserved)
        {
            int error = Reserve(_file, _reserved, Reservation);
            _reserved += error == 0 ? Reservation : throw new Win32Exception(error, "posix_fallocate");
        }

        Check(Write(_file, _buffer, _length, _end) == _length ? 0 : -1, "pwrite");
        Check(Sync(_file), "fdatasync");
        _end += _length;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_buffer);
        _buffer = null;
        _file.Dispose();
    }

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), call);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    private static partial int Reserve(SafeFileHandle file, long offset, long length);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, byte* bytes, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle file);
}

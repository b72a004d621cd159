using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>The calls of the C library that .NET does not offer, or whose errors it does not report.</summary>
internal static unsafe partial class Libc
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int CloseOnExec = 0x80000;
    public const int LockExclusiveNow = 2 | 4;
    public const int ErrorInterrupted = 4;
    public const int ErrorAgain = 11;
    public const int ErrorInvalid = 22;
    public const int ErrorNoSpace = 28;
    public const int ErrorQuota = 122;
    private const int FullSync = 51; // F_FULLFSYNC of macOS

    /// <summary>O_DIRECT of Linux: its value depends on the processor.</summary>
    public static int Direct => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm
        ? 0x10000
        : 0x4000;

    /// <summary>Opens a file or directory; the handle is invalid after a failure, with errno in the marshaller.</summary>
    public static SafeFileHandle Open(string path, int flags)
    {
        int descriptor;
        do
        {
            descriptor = OpenDescriptor(path, flags, 0x1B0); // rw-rw----
        }
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == ErrorInterrupted);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Makes the file's data durable, as far down as the system lets a program reach.</summary>
    public static int SyncData(SafeFileHandle file) =>
        OperatingSystem.IsMacOS() ? Control(file, FullSync) : FDataSync(file);

    /// <summary>
    /// Reads what can be read without waiting (preadv2 with RWF_NOWAIT, Linux 4.14); -1 when nothing can, also where the
    /// system or file system does not know how.
    /// </summary>
    public static nint ReadNow(SafeFileHandle file, byte* bytes, nint count, long offset)
    {
        const int noWait = 8;
        var vector = new IoVector { Bytes = bytes, Count = count };
        return ReadVectors(file, &vector, 1, offset, noWait);
    }

    /// <summary>The failure of the call that has just returned, as an exception.</summary>
    public static DiskException Error(string operation, string path, int error) => new(
        $"{operation} of \"{path}\" failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).",
        error is ErrorNoSpace or ErrorQuota);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(SafeFileHandle file, long length);

    /// <summary>Returns the error itself, not by errno.</summary>
    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    public static partial int Allocate(SafeFileHandle file, long offset, long length);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint Write(SafeFileHandle file, byte* bytes, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint Read(SafeFileHandle file, byte* bytes, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDescriptor(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, int command);

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static partial nint ReadVectors(SafeFileHandle file, IoVector* vectors, int count, long offset, int flags);

    private struct IoVector
    {
        public byte* Bytes;
        public nint Count;
    }
}

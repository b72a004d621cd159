using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Transfer;

/// <summary>
/// Calls of Linux's C library for sockets that .NET does not offer: sending with the promise of more, and from a file's
/// pages without a copy through this process (sendfile(2)); receiving until all is there (MSG_WAITALL).
/// </summary>
internal static unsafe partial class SocketCalls
{
    public const int ErrorInterrupted = 4;
    public const int ErrorAgain = 11;
    private const int NoSignal = 0x4000;
    private const int More = 0x8000;
    private const int WaitForAll = 0x100;

    /// <summary>Sends; returns the count, or -1 with errno in the marshaller.</summary>
    public static nint Send(SafeHandle socket, ReadOnlySpan<byte> bytes, bool more)
    {
        fixed (byte* first = bytes)
        {
            return Send(socket, first, bytes.Length, more ? NoSignal | More : NoSignal);
        }
    }

    /// <summary>
    /// Receives until the destination is full, the other side has ended, or the socket's time-out has passed; returns the
    /// count, or -1 with errno in the marshaller when nothing came.
    /// </summary>
    public static nint ReceiveWhole(SafeHandle socket, Span<byte> destination)
    {
        fixed (byte* first = destination)
        {
            return Receive(socket, first, destination.Length, WaitForAll);
        }
    }

    [LibraryImport("libc", EntryPoint = "sendfile", SetLastError = true)]
    public static partial nint SendFile(SafeHandle socket, SafeFileHandle file, ref long offset, nint count);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeHandle socket, byte* bytes, nint count, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeHandle socket, byte* bytes, nint count, int flags);
}

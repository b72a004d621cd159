using System.Runtime.InteropServices;

namespace BigFs.Internal.Local;

/// <summary>Tells files that hold bytes from those that only look like files.</summary>
internal static partial class LocalKinds
{
    private const int CurrentDirectory = -100;
    private const int TypeOfFile = 0xF000;
    private const int RegularFile = 0x8000;
    private const int DirectoryFile = 0x4000;
    private const uint TypeOnly = 1;

    // struct statx is the same on every architecture: 256 bytes, the mode at 28.
    private const int StatxSize = 256;
    private const int ModeOffset = 28;

    /// <summary>
    /// Whether a pipe, socket or device is at a path, through links: opening a pipe may wait for ever, and replacing a
    /// device would take it away. File attributes do not say it on Unix. Where the system is not asked, what lies in /dev
    /// counts.
    /// </summary>
    /// <param name="path">An absolute path.</param>
    public static bool IsSpecial(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return !OperatingSystem.IsWindows() && path.StartsWith("/dev/", StringComparison.Ordinal) && File.Exists(path);
        }

        Span<byte> answer = stackalloc byte[StatxSize];
        if (Statx(CurrentDirectory, path, flags: 0, TypeOnly, answer) != 0)
        {
            return false; // Nothing is there, or it cannot be seen: opening it will say which.
        }

        int type = MemoryMarshal.Read<ushort>(answer[ModeOffset..]) & TypeOfFile;
        return type is not (RegularFile or DirectoryFile);
    }

    /// <summary>
    /// Whether a path is the system's name of a file that is open already, as /dev/stdout and /dev/fd/3 are: whoever opened
    /// it expects the bytes there, not in a file that takes its place.
    /// </summary>
    /// <param name="path">An absolute path.</param>
    public static bool IsOpenFile(string path) => !OperatingSystem.IsWindows()
        && (path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal))
        && File.Exists(path)
        && new FileInfo(path).LinkTarget is not null;

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> answer);
}

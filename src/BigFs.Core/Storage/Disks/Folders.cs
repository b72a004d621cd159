using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>Operations on names, as the real disks share them: blocking, with errors as <see cref="DiskException"/>.</summary>
internal static class Folders
{
    /// <summary>Makes the directory and its missing parents, each made durable in its parent.</summary>
    public static void Create(string directory)
    {
        if (Directory.Exists(directory))
        {
            return;
        }

        string? parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(directory));
        if (parent is not null)
        {
            Create(parent);
        }

        Translate("create", directory, () => Directory.CreateDirectory(directory));
        if (parent is not null)
        {
            Sync(parent);
        }
    }

    public static IReadOnlyList<string> List(string directory) => Translate<IReadOnlyList<string>>(
        "listing",
        directory,
        () => [.. new DirectoryInfo(directory).EnumerateFiles().Select(file => file.Name).Order(StringComparer.Ordinal)]);

    public static void Rename(string from, string to) => Translate("rename", from, () =>
    {
        File.Move(from, to, overwrite: true);
        return true;
    });

    public static void Delete(string path) => Translate("removal", path, () =>
    {
        File.Delete(path);
        return true;
    });

    public static long FreeBytes(string directory) =>
        Translate("free space", directory, () => new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace);

    /// <summary>Syncs a directory; Windows journals names itself and has no such call.</summary>
    public static void Sync(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        int flags = OperatingSystem.IsLinux() ? Libc.ReadOnly | Libc.CloseOnExec : Libc.ReadOnly;
        using SafeFileHandle handle = Libc.Open(directory, flags);
        if (handle.IsInvalid || Libc.FSync(handle) != 0)
        {
            throw Libc.Error("sync", directory, Marshal.GetLastPInvokeError());
        }
    }

    public static BigFsException InUse(string directory, Exception? cause = null) => new(
        BigFsErrorCode.DataInUse, $"The data folder \"{directory}\" is in use by another process.", cause);

    /// <summary>Runs the operation with the base library's failures translated.</summary>
    public static T Translate<T>(string operation, string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception exception) when (exception is IOException and not DiskException or UnauthorizedAccessException)
        {
            // ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL on Windows, ENOSPC elsewhere.
            bool full = (exception.HResult & 0xFFFF) is 0x70 or 0x27 || exception.HResult == Libc.ErrorNoSpace;
            throw new DiskException($"{operation} of \"{path}\" failed: {exception.Message}", full, exception);
        }
    }
}

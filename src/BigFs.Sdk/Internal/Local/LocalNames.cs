using System.Collections.Frozen;

namespace BigFs.Internal.Local;

/// <summary>Whether a name from the cluster may become the name of a local file.</summary>
internal static class LocalNames
{
    private static readonly FrozenSet<string> WindowsDevices = new[]
    {
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$",
        "COM0", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "COM¹", "COM²", "COM³",
        "LPT0", "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9", "LPT¹", "LPT²", "LPT³",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether names that differ only in case are one on this system.</summary>
    public static bool FoldsCase { get; } = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS();

    /// <summary>What is wrong with a name, as a phrase; null when it may be used.</summary>
    /// <param name="name">One segment; what a faulty or hostile server sent.</param>
    /// <param name="windows">Whether the rules of Windows hold.</param>
    public static string? Problem(string name, bool windows)
    {
        if (name is "" or "." or ".." || name.Contains('/') || name.Contains('\0'))
        {
            return "is no name of a file";
        }

        if (!windows)
        {
            return null;
        }

        if (name.AsSpan().ContainsAny("\\:*?\"<>|") || name.AsSpan().ContainsAnyInRange('\0', '\x1f'))
        {
            return "holds a character that Windows does not allow";
        }

        if (name[^1] is '.' or ' ')
        {
            return "ends with a dot or a space, which Windows drops";
        }

        string stem = name.Split('.')[0].TrimEnd(' ');
        return WindowsDevices.Contains(stem) ? "is the name of a device on Windows" : null;
    }
}

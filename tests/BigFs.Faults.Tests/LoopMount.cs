using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace BigFs.Faults.Tests;

/// <summary>
/// An ext4 file system in an image file, mounted by a loop device, whose power can be cut: the ioctl EXT4_IOC_SHUTDOWN with
/// NOLOGFLUSH drops what was not synced, journal included, and refuses everything until it is mounted again.
/// </summary>
internal sealed class LoopMount : IDisposable
{
    private const uint Shutdown = 0x8004587D; // EXT4_IOC_SHUTDOWN = _IOR('X', 125, __u32), fs/ext4/ext4.h
    private const uint NoLogFlush = 2;
    private const int Mebibyte = 1 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly string _image;
    private bool _isMounted;

    /// <summary>Makes and mounts an empty file system.</summary>
    public LoopMount(int mebibytes = 128)
    {
        _image = System.IO.Path.Combine(_folder.Path, "image");
        Path = System.IO.Path.Combine(_folder.Path, "disk");
        Directory.CreateDirectory(Path);
        using (FileStream file = File.Create(_image))
        {
            file.SetLength((long)mebibytes * Mebibyte);
        }

        try
        {
            Run("mkfs.ext4", "-q", "-F", _image);
            Mount();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where it is mounted.</summary>
    public string Path { get; }

    /// <summary>Skips the test where file systems cannot be mounted.</summary>
    public static void Require()
    {
        bool isAble = OperatingSystem.IsLinux() && Environment.UserName == "root" && File.Exists("/dev/loop-control");
        if (!isAble)
        {
            Assert.Ignore("Needs Linux, root and loop devices: an ext4 file system is mounted and its power cut.");
        }
    }

    /// <summary>Cuts the power. Whoever has files open on it gets errors from now on.</summary>
    public void Cut()
    {
        using var directory = new DirectoryHandle(Path);
        uint how = NoLogFlush;
        if (Control(directory.Descriptor, Shutdown, ref how) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Mounts it again, with what the disk holds. Nobody may have files open on it.</summary>
    public void Restart()
    {
        Unmount();
        Mount();
    }

    public void Dispose()
    {
        Unmount();
        _folder.Dispose();
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {error}");
        }
    }

    private void Mount()
    {
        Run("mount", "-o", "loop", _image, Path);
        _isMounted = true;
    }

    private void Unmount()
    {
        if (_isMounted)
        {
            Run("umount", Path);
            _isMounted = false;
        }
    }

    private sealed class DirectoryHandle : IDisposable
    {
        public DirectoryHandle(string path)
        {
            Descriptor = Open(path, 0);
            if (Descriptor < 0)
            {
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            }
        }

        public int Descriptor { get; }

        public void Dispose() => _ = Close(Descriptor);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static extern int Control(int descriptor, nuint request, ref uint argument);
}

using System.Diagnostics;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Persistence;

/// <summary>An ext4 file system in an image file that meets an error on demand and turns read-only, as it does by default.</summary>
internal sealed class FailingDisk : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bigfs-failing-disk-");
    private bool _isMounted;

    /// <summary>Mounts an empty one; skips the test where that cannot be done.</summary>
    public FailingDisk()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root" || !File.Exists("/dev/loop-control"))
        {
            _folder.Delete();
            Assert.Ignore("Needs Linux, root and loop devices: an ext4 file system is mounted and made to fail.");
        }

        Directory.CreateDirectory(Path);
        using (FileStream file = File.Create(Image))
        {
            file.SetLength(32 << 20);
        }

        try
        {
            Run("mkfs.ext4", "-q", "-F", Image);
            Mount();
        }
        catch (Exception exception)
        {
            _folder.Delete(recursive: true);
            Assert.Ignore($"Needs leave to mount an ext4 file system: {exception.Message}");
        }
    }

    /// <summary>Where it is mounted.</summary>
    public string Path => System.IO.Path.Combine(_folder.FullName, "disk");

    private string Image => System.IO.Path.Combine(_folder.FullName, "image");

    /// <summary>It meets an error: nothing is written from now on, whoever has files open.</summary>
    public void Fail()
    {
        string device = System.IO.Path.GetFileName(Run("findmnt", "-n", "-o", "SOURCE", Path).Trim());
        string trigger = $"/sys/fs/ext4/{device}/trigger_fs_error";
        if (!File.Exists(trigger))
        {
            Assert.Ignore("Needs a kernel whose ext4 can be made to fail (trigger_fs_error).");
        }

        File.WriteAllText(trigger, "1");
    }

    /// <summary>Mounts it again, writable. Nobody may have files open on it.</summary>
    public void Restart()
    {
        Unmount();
        Mount();
    }

    public void Dispose()
    {
        Unmount();
        _folder.Delete(recursive: true);
    }

    private static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {error}");
    }

    private void Mount()
    {
        Run("mount", "-o", "loop,errors=remount-ro", Image, Path);
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
}

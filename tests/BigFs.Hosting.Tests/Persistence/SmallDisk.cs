using System.Diagnostics;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Persistence;

/// <summary>A small file system in memory that really runs full, and that can be made read-only.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("bigfs-small-disk-");

    /// <summary>Mounts an empty one; skips the test where that cannot be done.</summary>
    public SmallDisk(int mebibytes)
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            Assert.Ignore("Needs Linux and root: a small file system is mounted.");
        }

        try
        {
            Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m,mode=0777", "bigfs-small-disk", Path);
        }
        catch (InvalidOperationException exception)
        {
            _place.Delete();
            Assert.Ignore($"Needs leave to mount a file system: {exception.Message}");
        }
    }

    /// <summary>Where it is mounted.</summary>
    public string Path => _place.FullName;

    private string Filling => System.IO.Path.Combine(Path, "filling");

    /// <summary>Takes the room that is left, or some of it.</summary>
    /// <param name="most">How many bytes at most.</param>
    public void Fill(long most = long.MaxValue)
    {
        using var file = new FileStream(Filling, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        byte[] page = new byte[4096];
        try
        {
            for (long taken = 0; taken < most; taken += page.Length)
            {
                file.Write(page);
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Gives back what was taken.</summary>
    public void MakeRoom() => File.Delete(Filling);

    /// <summary>Makes it read-only, or writable again. Nobody may have files open for writing on it.</summary>
    public void SetReadOnly(bool isReadOnly) => Run("mount", "-o", isReadOnly ? "remount,ro" : "remount,rw", Path);

    public void Dispose()
    {
        Run("umount", Path);
        _place.Delete();
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
}

using System.Text;
using BigFs.Core.Storage;
using BigFs.Hosting.Access;
using BigFs.Hosting.Tests.Persistence;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

[TestFixture]
internal sealed class PrivateFileTests
{
    [Test]
    public void A_secret_is_synced_before_its_name_is_and_only_its_owner_may_read_it()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "new", "key");
        var calls = new List<string>();
        using IDisk disk = Disk(calls, failing: "");

        PrivateFile.Write(disk, path, "secret"u8);
        PrivateFile.SyncFolder(disk, path);

        Assert.That(calls, Is.EqualTo(new[] { $"folder {Path.GetDirectoryName(path)}", $"sync {path}", $"names {Path.GetDirectoryName(path)}" }));
        Assert.That(Encoding.ASCII.GetString(File.ReadAllBytes(path)), Is.EqualTo("secret"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        Assert.Throws<IOException>(() => PrivateFile.Write(disk, path, "other"u8), "nothing is written over");
    }

    [Test]
    public void A_sync_that_fails_is_told([Values("sync", "names")] string failing)
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "key");
        using IDisk disk = Disk([], failing);

        Assert.Throws<DiskException>(() =>
        {
            PrivateFile.Write(disk, path, "secret"u8);
            PrivateFile.SyncFolder(disk, path);
        });
    }

    /// <summary>A disk that notes what is asked of it, and fails at one kind of that.</summary>
    private static IDisk Disk(List<string> calls, string failing)
    {
        var disk = new Mock<IDisk>();
        disk.Setup(one => one.CreateDirectoryAsync(It.IsAny<string>())).Returns((string directory) =>
        {
            Directory.CreateDirectory(directory);
            return Note("folder", directory);
        });
        disk.Setup(one => one.SyncDirectoryAsync(It.IsAny<string>())).Returns((string directory) => Note("names", directory));
        disk.Setup(one => one.OpenFileAsync(It.IsAny<string>())).Returns((string path) =>
        {
            var file = new Mock<IDiskFile>();
            file.Setup(one => one.SyncAsync()).Returns(() => Note("sync", path));
            return ValueTask.FromResult(file.Object);
        });
        return disk.Object;

        ValueTask Note(string kind, string path)
        {
            calls.Add($"{kind} {path}");
            return kind == failing ? throw new DiskException($"{kind} failed") : ValueTask.CompletedTask;
        }
    }
}

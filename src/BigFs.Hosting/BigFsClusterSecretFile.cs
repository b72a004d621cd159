using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Hosting.Access;
using BigFs.Hosting.DataNode;

namespace BigFs.Hosting;

/// <summary>The file that keeps the cluster's secret: readable and writable by its owner alone.</summary>
public static class BigFsClusterSecretFile
{
    /// <summary>Its name in a data folder.</summary>
    public const string Name = "cluster-secret";

    private const int MostBytes = 4096;
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const string Remark =
        "# The secret of a BigFS cluster: whoever has it may read and write every chunk. The first key signs.\n";

    /// <summary>Reads the secret.</summary>
    /// <exception cref="BigFsException">
    /// InvalidSettings: the file is absent, cannot be read, may be read by others than its owner, or holds no secret.
    /// </exception>
    internal static ClusterSecret Load(string path)
    {
        string what = $"The cluster secret file \"{path}\"";
        try
        {
            UnixFileMode others = OperatingSystem.IsWindows() ? 0 : File.GetUnixFileMode(path) & ~(Owner | UnixFileMode.UserExecute);
            SettingsCheck.Require(
                others == 0, what, "open to others than its owner", "readable and writable by its owner alone (chmod 600)");
            SettingsCheck.Require(new FileInfo(path).Length <= MostBytes, what, "too long", "a secret as this program writes it");
            return ClusterSecret.Parse(File.ReadAllText(path), what);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"{what} cannot be read: {exception.Message} The node manager makes it at its first start.",
                exception);
        }
    }

    /// <summary>Makes a secret where there is no file yet.</summary>
    /// <param name="path">The file; its folder is made too.</param>
    /// <exception cref="BigFsException">InvalidSettings: the file cannot be made or read, or holds no secret.</exception>
    public static void Prepare(string path) => LoadOrCreate(path);

    /// <summary>Reads the secret, or makes one where there is no file yet.</summary>
    /// <exception cref="BigFsException">As <see cref="Load"/>, or the file cannot be made.</exception>
    internal static ClusterSecret LoadOrCreate(string path)
    {
        if (!File.Exists(path))
        {
            Create(path);
        }

        return Load(path);
    }

    /// <summary>A new secret that is kept nowhere.</summary>
    internal static ClusterSecret CreateInMemory() =>
        ClusterSecret.Create(RandomNumberGenerator.GetBytes(ClusterSecret.KeyBytes));

    /// <summary>Makes the file, whole or not at all; one that another process makes meanwhile stays.</summary>
    private static void Create(string path)
    {
        path = Path.GetFullPath(path);
        string temporary = $"{path}.{Guid.NewGuid():N}.new"; // several may make it at once, in one process too
        try
        {
            using IDisk disk = DataNodeHost.DiskForThisPlatform();
            PrivateFile.Write(disk, temporary, Encoding.UTF8.GetBytes(Remark + CreateInMemory().Format()));
            Publish(temporary, path);
            PrivateFile.SyncFolder(disk, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"The cluster secret file \"{path}\" cannot be made: {exception.Message}", exception);
        }
        finally
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>
    /// Gives the finished file its name, unless there is one of that name: a file that is moved without overwriting looks
    /// first and renames then, so on Unix two could win, and a second name (link(2)) is what only one can make.
    /// </summary>
    private static void Publish(string temporary, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            try
            {
                File.Move(temporary, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another was first.
            }
        }
        else if (Link(temporary, path) != 0 && !File.Exists(path))
        {
            throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
        }
    }

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    private static extern int Link(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);
}

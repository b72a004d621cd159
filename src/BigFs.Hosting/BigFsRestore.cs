using BigFs.Core.Faults;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.Backup;
using BigFs.Hosting.DataNode;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Persistence.Sqlite;

namespace BigFs.Hosting;

/// <summary>
/// Restores a backup into data folders that no process uses. Databases are extracted, checked and prepared beside their
/// place first; they get their names when all are ready. A folder where that was cut off is not taken by a server, and the
/// same restore may simply be run again.
/// </summary>
public static class BigFsRestore
{
    /// <summary>The folder in a data folder in which a restore works.</summary>
    internal const string WorkFolder = "restoring";

    /// <summary>
    /// Restores: the metadata begin a new generation, incarnations jump, and collection stays paused until an operator resumes
    /// it; the volume map begins a term and epochs that no datanode has seen, and each volume is compared and sealed anew.
    /// </summary>
    /// <exception cref="BigFsException">
    /// InvalidSettings (no folder is named); AlreadyExists (a folder holds data); DataInUse (a process uses one);
    /// DataUnreadable (the backup is none, damaged or cut off).
    /// </exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static async Task<BigFsRestored> RunAsync(
        BigFsRestoreOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        (string Name, string Folder)[] wanted =
        [
            .. new[] { (BackupManifest.Metadata, options.MetadataDirectory), (BackupManifest.Volumes, options.NodeManagerDirectory) }
                .Where(pair => pair.Item2 is not null)
                .Select(pair => (pair.Item1, Path.GetFullPath(pair.Item2!))),
        ];
        SettingsCheck.Require(wanted.Length > 0, nameof(BigFsRestoreOptions.MetadataDirectory), null, "a folder to restore to");
        SettingsCheck.Require(
            wanted.Length < 2 || wanted[0].Folder != wanted[1].Folder,
            nameof(BigFsRestoreOptions.NodeManagerDirectory),
            wanted[^1].Folder,
            "another folder than the metadata server's");
        using IDisk disk = DataNodeHost.DiskForThisPlatform();
        var locks = new Stack<FileStream>();
        try
        {
            foreach ((string name, string folder) in wanted)
            {
                await disk.CreateDirectoryAsync(folder).ConfigureAwait(false);
                locks.Push(SqliteDatabase.TakeLock(folder, Path.GetFileNameWithoutExtension(name)));
                RequireEmpty(folder, name);
                await PrepareFolderAsync(disk, folder, name).ConfigureAwait(false);
            }

            return await RestoreAsync(disk, options.File, wanted, cancellationToken).ConfigureAwait(false);
        }
        catch (DiskException exception)
        {
            throw new BigFsException(
                exception.IsOutOfSpace ? BigFsErrorCode.OutOfSpace : BigFsErrorCode.Unavailable, exception.Message, exception);
        }
        finally
        {
            while (locks.TryPop(out FileStream? one))
            {
                await one.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static async Task<BigFsRestored> RestoreAsync(
        IDisk disk, string backup, (string Name, string Folder)[] wanted, CancellationToken cancellationToken)
    {
        CrashPoint.Reach("restore.before-extract");
        BackupManifest manifest = await BackupReader.ExtractAsync(
            backup,
            wanted.ToDictionary(one => one.Name, one => Path.Combine(one.Folder, WorkFolder, one.Name)),
            cancellationToken).ConfigureAwait(false);
        CrashPoint.Reach("restore.before-generation");
        long? generation = null;
        foreach ((string name, string folder) in wanted)
        {
            string work = Path.Combine(folder, WorkFolder);
            SqliteSnapshot.Check(Path.Combine(work, name), cancellationToken);
            if (name == BackupManifest.Metadata)
            {
                generation = SqliteMetadataStore.BeginGeneration(work).Generation;
            }
            else
            {
                SqliteVolumeMapStore.BeginAfterRestore(work);
            }

            CrashPoint.Reach("restore.before-sync");
            await BackupWriter.SyncAsync(disk, Path.Combine(work, name)).ConfigureAwait(false);
        }

        // The names last, one right after the other.
        foreach ((string name, string folder) in wanted)
        {
            CrashPoint.Reach("restore.before-rename");
            File.Move(Path.Combine(folder, WorkFolder, name), Path.Combine(folder, name));
            CrashPoint.Reach("restore.before-directory-sync");
            await disk.SyncDirectoryAsync(folder).ConfigureAwait(false);
            CrashPoint.Reach("restore.after-directory-sync");
        }

        foreach ((_, string folder) in wanted)
        {
            Directory.Delete(Path.Combine(folder, WorkFolder), recursive: true);
        }

        return new BigFsRestored { Taken = manifest.Taken, Cluster = manifest.Cluster, Generation = generation };
    }

    /// <summary>
    /// A lock, the secret and what a restore that was cut off left are no data: no server has opened that.
    /// </summary>
    private static void RequireEmpty(string folder, string name)
    {
        bool isCutOff = Directory.Exists(Path.Combine(folder, WorkFolder));
        string[] allowed =
            [Path.ChangeExtension(name, ".lock"), BigFsClusterSecretFile.Name, WorkFolder, .. isCutOff ? new[] { name } : []];
        string? other = Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)!)
            .Order(StringComparer.Ordinal)
            .FirstOrDefault(entry => !allowed.Contains(entry));
        if (other is not null)
        {
            throw new BigFsException(
                BigFsErrorCode.AlreadyExists,
                $"The folder \"{folder}\" holds \"{other}\" already: a restore replaces nothing. Name an empty folder, or move what is in it away.");
        }
    }

    private static async Task PrepareFolderAsync(IDisk disk, string folder, string name)
    {
        string work = Path.Combine(folder, WorkFolder);
        File.Delete(Path.Combine(folder, name));
        if (Directory.Exists(work))
        {
            Directory.Delete(work, recursive: true);
        }

        await disk.CreateDirectoryAsync(work).ConfigureAwait(false);
    }
}

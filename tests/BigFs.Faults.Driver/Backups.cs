using BigFs.Core.Metadata;
using BigFs.Core.Storage;
using BigFs.Hosting;
using BigFs.Hosting.Backup;
using BigFs.Hosting.DataNode;
using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Faults.Driver;

/// <summary>Backs a metadata database up, and restores one, in a process that may be killed on the way.</summary>
internal static class Backups
{
    /// <summary>Opens the database and copies it into a backup, as server and command do together.</summary>
    public static async Task BackupAsync(string directory, string file)
    {
        await using (SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = directory }, TimeProvider.System, NullLogger.Instance, CancellationToken.None))
        {
            NamespaceIdentity identity = await store.IdentityAsync(CancellationToken.None);
            using IDisk disk = DataNodeHost.DiskForThisPlatform();
            await using BackupWriter writer = BackupWriter.Create(disk, file);
            await writer.AddAsync(
                BackupManifest.Metadata, store.ReadCopyAsync(CancellationToken.None), CancellationToken.None);
            await writer.CompleteAsync(
                files => new BackupManifest
                {
                    Taken = TimeProvider.System.GetUtcNow(),
                    Cluster = identity.Cluster,
                    Namespace = identity.Namespace,
                    Generation = identity.Generation,
                    Files = files,
                },
                CancellationToken.None);
        }

        new LineWriter().Write(Line.Done);
    }

    /// <summary>Restores the metadata of a backup.</summary>
    public static async Task RestoreAsync(string file, string directory)
    {
        await BigFsRestore.RunAsync(new BigFsRestoreOptions { File = file, MetadataDirectory = directory });
        new LineWriter().Write(Line.Done);
    }
}

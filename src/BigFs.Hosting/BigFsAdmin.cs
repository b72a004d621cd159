using BigFs.Core.Metadata;
using BigFs.Core.Storage;
using BigFs.Hosting.Backup;
using BigFs.Hosting.DataNode;
using BigFs.Internal;

namespace BigFs.Hosting;

/// <summary>What operators ask of a running cluster's metadata server and node manager. Thread-safe.</summary>
public sealed class BigFsAdmin : IAsyncDisposable
{
    private readonly GrpcAdmin _cluster;

    /// <summary>Makes an administrator; nothing is connected before the first call.</summary>
    /// <param name="endpoint">The cluster's name server, "bigfs://host:port".</param>
    /// <exception cref="BigFsException">InvalidSettings: the endpoint is none.</exception>
    public BigFsAdmin(Uri endpoint)
        : this(new BigFsClientOptions { Endpoint = endpoint })
    {
    }

    /// <summary>Makes an administrator; nothing is connected before the first call.</summary>
    /// <param name="options">How the cluster is reached; where it requires keys, with one that administers all of it.</param>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public BigFsAdmin(BigFsClientOptions options) => _cluster = new GrpcAdmin(ClientSettings.OfNameServer(options));

    /// <summary>
    /// Copies the metadata and then the volume map, while both serve, into one file: so every volume that the copied metadata
    /// name is in the copied map. The file has its name when all of it is checked and on disk.
    /// </summary>
    /// <param name="file">The backup; nothing may stand there.</param>
    /// <param name="cancellationToken">Ends it, and leaves nothing behind.</param>
    /// <exception cref="BigFsException">
    /// AlreadyExists; InvalidArgument (a database is not BigFS's to copy); OutOfSpace; DataUnreadable (a database is damaged);
    /// Damaged; Unavailable.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public async Task<BigFsBackup> BackupAsync(string file, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        DateTimeOffset taken = TimeProvider.System.GetUtcNow();
        using IDisk disk = DataNodeHost.DiskForThisPlatform();
        try
        {
            BackupWriter writer = BackupWriter.Create(disk, file);
            await using (writer.ConfigureAwait(false))
            {
                NamespaceIdentity identity = await _cluster.IdentityAsync(cancellationToken).ConfigureAwait(false);
                await writer.AddAsync(
                    BackupManifest.Metadata, _cluster.ReadMetadataAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
                await writer.AddAsync(
                    BackupManifest.Volumes, _cluster.ReadVolumesAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
                BackupManifest manifest = await writer.CompleteAsync(
                    files => new BackupManifest
                    {
                        Taken = taken,
                        Cluster = identity.Cluster,
                        Namespace = identity.Namespace,
                        Generation = identity.Generation,
                        Files = files,
                    },
                    cancellationToken).ConfigureAwait(false);
                return new BigFsBackup
                {
                    File = Path.GetFullPath(file),
                    Taken = taken,
                    Cluster = manifest.Cluster,
                    Generation = manifest.Generation,
                    Bytes = manifest.Files.Sum(one => one.Length),
                };
            }
        }
        catch (DiskException exception)
        {
            throw new BigFsException(
                exception.IsOutOfSpace ? BigFsErrorCode.OutOfSpace : BigFsErrorCode.Unavailable, exception.Message, exception);
        }
    }

    /// <summary>The namespace's generation, and whether deletions are carried out.</summary>
    /// <exception cref="BigFsException">Unavailable, TimedOut.</exception>
    public async Task<BigFsCollection> CollectionAsync(CancellationToken cancellationToken = default) =>
        Describe(await _cluster.IdentityAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>
    /// What has to follow the restore of a metadata database that BigFS did not restore itself (PostgreSQL): a new generation,
    /// in which collection is paused. Not to be repeated after an answer that was lost, unless the generation is as before.
    /// </summary>
    /// <exception cref="BigFsException">Unavailable, TimedOut, LimitExceeded.</exception>
    public async Task<BigFsCollection> RaiseGenerationAsync(CancellationToken cancellationToken = default) =>
        Describe(await _cluster.RaiseGenerationAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Lets deletions be carried out again after a restore.</summary>
    /// <exception cref="BigFsException">PreconditionFailed (another generation began meanwhile), Unavailable, TimedOut.</exception>
    public async Task<BigFsCollection> ResumeCollectionAsync(CancellationToken cancellationToken = default)
    {
        NamespaceIdentity now = await _cluster.IdentityAsync(cancellationToken).ConfigureAwait(false);
        return Describe(await _cluster.ResumeCollectionAsync(now.Generation, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Compares names, volumes and chunks while the cluster serves, and changes nothing. The work is done at the metadata
    /// server.
    /// </summary>
    /// <param name="mostOfAKind">How many findings of each kind are told, 0 or more; all are counted.</param>
    /// <param name="sessionWait">How long to wait for uploads under way that may still name a chunk, zero or longer.</param>
    /// <param name="tell">Takes each finding, one after the other.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BigFsException">Unavailable, TimedOut, InvalidArgument (the engine cannot be looked into).</exception>
    public Task<BigFsCheckSummary> CheckAsync(
        int mostOfAKind, TimeSpan sessionWait, Action<BigFsFinding> tell, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tell);
        return _cluster.CheckAsync(mostOfAKind, sessionWait, tell, cancellationToken);
    }

    /// <summary>Closes its connections.</summary>
    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    private static BigFsCollection Describe(NamespaceIdentity identity) => new()
    {
        Generation = identity.Generation,
        IsPaused = identity.IsCollectionPaused,
    };
}

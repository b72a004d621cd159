using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// The namespace in a PostgreSQL database, which several metadata servers may use at once. Changes go through one writer in
/// each process, which batches what is waiting; the database's lock makes the writers of all processes take turns. Reads
/// run beside them, each on one state of the database. Closing it finishes what was accepted. Thread-safe.
/// </summary>
internal sealed partial class PostgresMetadataStore : IMetadataEngine
{
    private readonly PostgresDatabase _database;
    private readonly TimeSpan _readLease;
    private readonly PostgresDeadVersions _deadVersions;
    private readonly PostgresTotals _totals;
    private readonly PostgresUploads _uploads;
    private readonly PostgresSmallFiles _smallFiles;
    private readonly PostgresTree _tree;
    private readonly PostgresReads _reads;
    private readonly PostgresWriteQueue _queue;
    private readonly MaintenanceLoop _maintenance;

    private PostgresMetadataStore(
        PostgresDatabase database, NameDurability nameDurability, PostgresOptions options, TimeProvider time, ILogger logger)
    {
        _database = database;
        AccessKeys = new PostgresAccessKeys(database, options, time);
        NameDurability = nameDurability;
        _readLease = options.ReadLease;
        _deadVersions = new PostgresDeadVersions(options.ReadLease, logger);
        _totals = new PostgresTotals(options.OperationRetention, Wake);
        _uploads = new PostgresUploads(options);
        _smallFiles = new PostgresSmallFiles(options);
        _tree = new PostgresTree(options, Wake);
        _reads = new PostgresReads(database, options, time);
        _queue = new PostgresWriteQueue(database, options, time, logger);
        var purge = new PostgresPurge(options.OperationRetention, logger);
        _maintenance = PostgresMaintenance.Loop(_queue, _reads, purge, _totals, options.Clock ?? time, logger);
    }

    /// <inheritdoc/>
    public NameDurability NameDurability { get; }

    /// <inheritdoc/>
    public IAccessKeyStore AccessKeys { get; }

    /// <summary>Hosts, database and schema.</summary>
    public string Location => _database.Location;

    /// <summary>
    /// Opens the namespace, or makes a new one with an empty root. A database that is starting or away is waited for as long
    /// as an operation would be.
    /// </summary>
    /// <exception cref="BigFsException">InvalidSettings, DataUnreadable, OutOfSpace, Unavailable.</exception>
    public static async Task<PostgresMetadataStore> OpenAsync(
        PostgresOptions options, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        options.Validate();
        var database = new PostgresDatabase(options);
        PostgresMetadataStore? store = null;
        try
        {
            NameDurability durability = await PrepareAsync(database, options, time, cancellationToken).ConfigureAwait(false);
            store = new PostgresMetadataStore(database, durability, options, time, logger);
            await store._queue.RunAsync(
                new PostgresNeeds { Paths = [BigFsPath.Root] }, PostgresEntries.EnsureRootAsync, cancellationToken)
                .ConfigureAwait(false);
            store._maintenance.Start();
            return store;
        }
        catch
        {
            await (store?.DisposeAsync() ?? database.DisposeAsync()).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<long> NextIncarnationAsync(CancellationToken cancellationToken) =>
        _queue.RunAsync(PostgresNeeds.Alone, PostgresIdentity.NextIncarnation, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataEntry?> FindAsync(BigFsPath path, bool withManifest, CancellationToken cancellationToken) =>
        _reads.FindAsync(path, withManifest, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return new(_reads.ListAsync(request, cancellationToken));
    }

    /// <inheritdoc/>
    public ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return new(_reads.ReadManifestAsync(request, cancellationToken));
    }

    /// <inheritdoc/>
    public async ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken)
    {
        // Most often it stands, and nothing is written.
        PostgresVersionPlace? place = await _reads.LocateAsync((long)version.Value, cancellationToken).ConfigureAwait(false);
        if (place?.Path is null)
        {
            await _queue.RunAsync(
                PostgresNeeds.Alone,
                transaction => _deadVersions.RenewAsync(transaction, (long)version.Value),
                cancellationToken).ConfigureAwait(false);
        }

        return _readLease;
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ChunkOwners>> FindOwnersAsync(
        ImmutableArray<ChunkKey> chunks, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(chunks);
        return new(_reads.ReadAsync(
            (connection, token) => PostgresVersions.OwnersAsync(connection, chunks, token), cancellationToken));
    }

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginUploadAsync(BeginUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(
            new PostgresNeeds { Session = request.Operation, Paths = [request.Path] },
            transaction => _uploads.BeginAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken) =>
        await _queue.RunAsync(
            new PostgresNeeds { Session = session }, transaction => _uploads.RenewAsync(transaction, session), cancellationToken)
            .ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        await _queue.RunAsync(
            new PostgresNeeds { Session = request.Session, Chunks = request.Chunks },
            transaction => PostgresUploads.StageAsync(transaction, request),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(
            new PostgresNeeds { Session = request.Session, Chunks = request.Manifest.Concat(request.Discarded) },
            transaction => _uploads.CommitAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckWritten(written);
        await _queue.RunAsync(
            new PostgresNeeds { Session = session, Chunks = written },
            transaction => _uploads.AbortAsync(transaction, session, written),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginSharedAsync(BeginSharedRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(
            new PostgresNeeds { Session = request.Operation },
            transaction => _uploads.BeginSharedAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        byte[]? notes = EntryCodec.EncodeNotes(request.ContentType, request.Metadata);
        return _queue.RunAsync(
            new PostgresNeeds
            {
                Operation = request.Operation,
                Session = request.Session,
                Paths = [request.Path],
                Chunks = request.Manifest.Concat(request.Discarded),
            },
            transaction => _smallFiles.CommitAsync(transaction, request, notes),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        await _queue.RunAsync(
            new PostgresNeeds { Operation = request.Operation, Chunks = request.Written },
            transaction => _smallFiles.AbortAsync(transaction, request),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(operation);
        await _queue.RunAsync(
            new PostgresNeeds { Operation = operation, Paths = [path] },
            transaction => _tree.CreateDirectoryAsync(transaction, operation, path),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(request.Operation);
        return _queue.RunAsync(
            new PostgresNeeds { Operation = request.Operation, Paths = [request.Path] },
            transaction => _tree.DeleteAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(request.Operation);
        return _queue.RunAsync(
            new PostgresNeeds { Operation = request.Operation, Paths = [request.Source, request.Destination] },
            transaction => _tree.MoveAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(operation);
        return _queue.RunAsync(
            new PostgresNeeds { Paths = [path], IsAlone = true },
            transaction => _totals.StartAsync(transaction, operation, path),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken) =>
        (await _reads.ReadAsync(
            (connection, token) => PostgresJobs.FindAsync(connection, job, token).AsTask(), cancellationToken)
            .ConfigureAwait(false))?.Job;

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<MetadataJob>> ListJobsAsync(CancellationToken cancellationToken) =>
        new(_reads.ReadAsync(PostgresJobs.ListAsync, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken) =>
        _queue.RunAsync(PostgresNeeds.Alone, transaction => _totals.CancelAsync(transaction, job), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ImmutableArray<Tombstone>> DueTombstonesAsync(int limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            (ImmutableArray<Tombstone> due, bool isMore) =
                await _reads.DueAsync(limit, cancellationToken).ConfigureAwait(false);
            if (due.Length >= limit || !isMore)
            {
                return due;
            }

            await ExpandAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<TombstoneBatch> ClaimTombstonesAsync(int limit, TimeSpan lease, CancellationToken cancellationToken)
    {
        while (true)
        {
            TombstoneBatch batch = await _queue.RunAsync(
                PostgresNeeds.Alone,
                transaction => PostgresTombstones.ClaimAsync(transaction, limit, lease),
                cancellationToken).ConfigureAwait(false);
            if (batch.IsPaused || batch.Tombstones.Length > 0 || !await ExpandAsync(cancellationToken).ConfigureAwait(false))
            {
                return batch;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> SettleTombstonesAsync(TombstoneSettlement settlement, CancellationToken cancellationToken) =>
        _queue.RunAsync(
            PostgresNeeds.Alone, transaction => PostgresTombstones.SettleAsync(transaction, settlement), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<NamespaceIdentity> IdentityAsync(CancellationToken cancellationToken) =>
        new(_reads.IdentityAsync(cancellationToken));

    /// <inheritdoc/>
    public ValueTask<NamespaceIdentity> RaiseGenerationAsync(CancellationToken cancellationToken) =>
        _queue.RunAsync(PostgresNeeds.Alone, PostgresIdentity.RaiseGeneration, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<NamespaceIdentity> ResumeCollectionAsync(long generation, CancellationToken cancellationToken) =>
        _queue.RunAsync(
            PostgresNeeds.Alone, transaction => PostgresIdentity.Resume(transaction, generation), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask AdoptClusterIdAsync(Guid clusterId, CancellationToken cancellationToken) =>
        await _queue.RunAsync(PostgresNeeds.Alone, transaction => PostgresIdentity.Adopt(transaction, clusterId), cancellationToken)
            .ConfigureAwait(false);

    /// <summary>Finishes what was accepted, then closes the connections.</summary>
    public ValueTask DisposeAsync() => Disposal.OfAllAsync([_maintenance, _queue, _reads, _database]);

    private static async Task<NameDurability> PrepareAsync(
        PostgresDatabase database, PostgresOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        long began = time.GetTimestamp();
        for (int failures = 0; ; failures++)
        {
            try
            {
                return await database.PrepareAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (BigFsException exception)
                when (exception.Code == BigFsErrorCode.Unavailable && time.GetElapsedTime(began) < options.RetryFor)
            {
                // It may be starting; the last failure is told.
            }

            TimeSpan pause = Backoff.Pause(failures, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1));
            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Versions whose leases have ended become tombstones when someone asks for them.</summary>
    private ValueTask<bool> ExpandAsync(CancellationToken cancellationToken) =>
        _queue.RunAsync(PostgresNeeds.Alone, _deadVersions.StepAsync, cancellationToken);

    private void Wake() => _maintenance.Wake();
}

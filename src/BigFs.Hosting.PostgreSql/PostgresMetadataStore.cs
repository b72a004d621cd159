using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.MetadataServer;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// The namespace in a PostgreSQL database, which several metadata servers may use at once. Changes go through one writer in
/// each process, which batches what is waiting; the database's lock makes the writers of all processes take turns. Reads
/// run beside them, each on one state of the database. Closing it finishes what was accepted. Thread-safe.
/// </summary>
internal sealed class PostgresMetadataStore : IMetadataEngine
{
    // The upper bits of a chunk's key.
    private const long HighestIncarnation = (1L << (64 - ChunkKey.CounterBits)) - 1;

    private readonly PostgresDatabase _database;
    private readonly PostgresUploads _uploads;
    private readonly PostgresSmallFiles _smallFiles;
    private readonly PostgresTree _tree;
    private readonly PostgresReads _reads;
    private readonly PostgresWriteQueue _queue;
    private readonly PostgresMaintenance _maintenance;

    private PostgresMetadataStore(
        PostgresDatabase database, NameDurability nameDurability, PostgresOptions options, TimeProvider time, ILogger logger)
    {
        _database = database;
        NameDurability = nameDurability;
        _uploads = new PostgresUploads(options, Purge);
        _smallFiles = new PostgresSmallFiles(options, Purge);
        _tree = new PostgresTree(options, Purge);
        _reads = new PostgresReads(database, options, time);
        _queue = new PostgresWriteQueue(database, options, time, logger);
        _maintenance = new PostgresMaintenance(_queue, new PostgresPurge(logger), options.Clock ?? time, logger);
    }

    /// <inheritdoc/>
    public NameDurability NameDurability { get; }

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
                new PostgresNeeds(null, null, BigFsPath.Root), PostgresEntries.EnsureRootAsync, cancellationToken)
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
        _queue.RunAsync(PostgresNeeds.Nothing, NextIncarnation, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataEntry?> FindAsync(BigFsPath path, bool withManifest, CancellationToken cancellationToken) =>
        _reads.FindAsync(path, withManifest, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _reads.ListAsync(request, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginUploadAsync(BeginUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(
            new PostgresNeeds(null, request.Operation, request.Path),
            transaction => _uploads.BeginAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken) =>
        await _queue.RunAsync(
            new PostgresNeeds(null, session), transaction => _uploads.RenewAsync(transaction, session), cancellationToken)
            .ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask<BigFsFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(
            new PostgresNeeds(null, request.Session),
            transaction => _uploads.CommitAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckWritten(written);
        await _queue.RunAsync(
            new PostgresNeeds(null, session),
            transaction => _uploads.AbortAsync(transaction, session, written),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginSharedAsync(BeginSharedRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(
            new PostgresNeeds(null, request.Operation),
            transaction => _uploads.BeginSharedAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        byte[]? notes = EntryCodec.EncodeNotes(request.ContentType, request.Metadata);
        return _queue.RunAsync(
            new PostgresNeeds(request.Operation, request.Session, request.Path),
            transaction => _smallFiles.CommitAsync(transaction, request, notes),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        await _queue.RunAsync(
            new PostgresNeeds(request.Operation, null),
            transaction => _smallFiles.AbortAsync(transaction, request),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(operation);
        await _queue.RunAsync(
            new PostgresNeeds(operation, null, path),
            transaction => _tree.CreateDirectoryAsync(transaction, operation, path),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(request.Operation);
        return _queue.RunAsync(
            new PostgresNeeds(request.Operation, null, request.Path),
            transaction => _tree.DeleteAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(request.Operation);
        return _queue.RunAsync(
            new PostgresNeeds(request.Operation, null, request.Source, request.Destination),
            transaction => _tree.MoveAsync(transaction, request),
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<Tombstone>> DueTombstonesAsync(int limit, CancellationToken cancellationToken) =>
        _reads.DueAsync(limit, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask ConfirmTombstonesAsync(ImmutableArray<long> ids, CancellationToken cancellationToken) =>
        await _queue.RunAsync(
            PostgresNeeds.Nothing, transaction => PostgresTombstones.ConfirmAsync(transaction, ids), cancellationToken)
            .ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask PostponeTombstonesAsync(
        ImmutableArray<long> ids, TimeSpan delay, CancellationToken cancellationToken) =>
        await _queue.RunAsync(
            PostgresNeeds.Nothing, transaction => PostgresTombstones.PostponeAsync(transaction, ids, delay), cancellationToken)
            .ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask AdoptClusterIdAsync(Guid clusterId, CancellationToken cancellationToken) =>
        await _queue.RunAsync(PostgresNeeds.Nothing, transaction => Adopt(transaction, clusterId), cancellationToken)
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

    private static ValueTask<long> NextIncarnation(PostgresTransaction transaction)
    {
        long next = transaction.Incarnation + 1;
        if (next > HighestIncarnation)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"All {HighestIncarnation} incarnations of file servers have been given.");
        }

        transaction.Incarnation = next;
        return ValueTask.FromResult(next);
    }

    private static ValueTask<bool> Adopt(PostgresTransaction transaction, Guid cluster)
    {
        if (transaction.Cluster is { } known)
        {
            return known == cluster
                ? ValueTask.FromResult(false)
                : throw new BigFsException(
                    BigFsErrorCode.WrongCluster,
                    $"The metadata belong to cluster {known:N}, not to {cluster:N}; name the schema of this one.");
        }

        transaction.Cluster = cluster;
        return ValueTask.FromResult(true);
    }

    private void Purge() => _maintenance.Wake();
}

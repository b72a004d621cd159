using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Backup;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// The namespace in one SQLite database that belongs to this process. Changes go through one writer, which batches what
/// is waiting into one transaction; reads run beside it, each on one state of the database. In memory everything takes
/// turns on one private connection and ends with this object. Closing it finishes what was accepted. Thread-safe.
/// </summary>
internal sealed partial class SqliteMetadataStore : IMetadataEngine, IDatabaseBackup
{
    private readonly SqliteDatabase _database;
    private readonly SqliteMetadataClock _clock;
    private readonly TimeSpan _readLease;
    private readonly SqliteEntryReader _writersReader;
    private readonly SqliteChunkOwners _owners;
    private readonly SqliteDeadVersions _deadVersions;
    private readonly SqliteTotals _totals;
    private readonly SqliteEntryWriter _writer;
    private readonly SqliteOperations _operations;
    private readonly SqliteUploads _uploads;
    private readonly SqliteSmallFiles _smallFiles;
    private readonly SqliteTombstones _tombstones;
    private readonly SqliteMeta _meta;
    private readonly SqliteAccessKeys _accessKeys;
    private readonly SqlitePurge _purge;
    private readonly SqliteTree _tree;
    private readonly SqliteReaderPool _readers;
    private readonly SqliteWriteQueue _queue;
    private readonly MaintenanceLoop _maintenance;
    private readonly DatabaseCopy? _copy;

    private SqliteMetadataStore(
        SqliteDatabase database, SqliteMetadataOptions options, TimeProvider time, ILogger logger)
    {
        SqliteConnection connection = database.Connection;
        _database = database;
        _readLease = options.ReadLease;
        NameDurability = options.DataDirectory is null
            ? new NameDurability(BigFsDurability.Memory, "SQLite in memory")
            : MetadataServerHost.FileDurability;
        _clock = new SqliteMetadataClock(connection, time);
        var directories = new SqliteDirectoryMemory();
        _writersReader = new SqliteEntryReader(connection, options.OperationRetention, directories);
        SqliteJobs jobs = _writersReader.Jobs;
        _owners = new SqliteChunkOwners(connection);
        _deadVersions = new SqliteDeadVersions(connection, _writersReader, _owners, _clock, options.ReadLease, logger);
        _writer = new SqliteEntryWriter(connection, _writersReader, new SqliteVersions(_clock), _owners, directories);
        _operations = new SqliteOperations(connection, options.OperationRetention);
        _uploads = new SqliteUploads(connection, options, _writersReader, _writer, _clock);
        _smallFiles = new SqliteSmallFiles(options, _writersReader, _writer, _uploads, _operations, _clock);
        _meta = new SqliteMeta(connection);
        _accessKeys = new SqliteAccessKeys(connection);
        _tombstones = new SqliteTombstones(connection, _clock, _meta, _owners);
        _purge = new SqlitePurge(connection, _writer, jobs, _clock, logger);
        _totals = new SqliteTotals(_writersReader, jobs, _clock, Wake);
        _tree = new SqliteTree(_writersReader, _writer, _operations, jobs, _clock, options.ReadLease, Wake);
        _readers = new SqliteReaderPool(database, _writersReader, options.OperationRetention);
        Func<ValueTask>? boundLog = database.IsInMemory
            ? null
            : new SqliteLogBound(database, _readers, options.MostLogBytes).AfterTransactionAsync;
        _queue = new SqliteWriteQueue(database, _readers.WritersTurn, _clock.Persist, boundLog, afterRollback: () =>
        {
            directories.Forget();
            _uploads.Forget();
        });
        _maintenance = SqliteMaintenance.Loop(_queue, _readers, _purge, _totals, time, logger);
        _copy = options.DataDirectory is { } folder ? new DatabaseCopy(database, folder, database.Name) : null;
    }

    /// <inheritdoc/>
    public NameDurability NameDurability { get; }

    /// <summary>Opens the namespace, or makes a new one with an empty root.</summary>
    /// <exception cref="BigFsException">
    /// InvalidSettings, DataInUse, DataUnreadable, OutOfSpace, Unavailable: as <see cref="SqliteDatabase.Open"/>.
    /// </exception>
    public static async Task<SqliteMetadataStore> OpenAsync(
        SqliteMetadataOptions options, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        options.Validate();
        SqliteDatabase database = SqliteDatabase.Open(SqliteMetadataSchema.Database(options.DataDirectory));
        SqliteMetadataStore store;
        try
        {
            store = new SqliteMetadataStore(database, options, time, logger);
        }
        catch (SqliteException exception)
        {
            // The tables are not as the schema's version says.
            database.Dispose();
            throw database.Translate(exception);
        }

        try
        {
            await store._queue.RunAsync(store.MakeRoot, cancellationToken).ConfigureAwait(false);
            store._maintenance.Start();
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<long> NextIncarnationAsync(CancellationToken cancellationToken) =>
        _queue.RunAsync(_meta.NextIncarnation, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataEntry?> FindAsync(BigFsPath path, bool withManifest, CancellationToken cancellationToken) =>
        withManifest
            ? _readers.ReadAsync(reader => Find(reader, path), cancellationToken)
            : _readers.ReadPlainAsync(
                reader => reader.FindAtOnce(path) is { } row ? new MetadataEntry(row.ToEntry(path), []) : null,
                cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _readers.ReadAsync(reader => SqliteListing.Page(reader, request), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _readers.ReadAsync(
            reader =>
            {
                (long version, long now) = ((long)request.Version.Value, _clock.Now());
                SqliteVersionPlace place =
                    SqliteDeadVersions.RequireLeased(reader.Versions.Locate(version), version, now);
                return new ManifestPage(reader.Versions.Chunks(place, request.First, request.Count), place.Chunks)
                {
                    Lease = place.Path is null ? new TimeSpan(place.Due - now) : _readLease,
                };
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken)
    {
        // Most often it stands, and nothing is written.
        SqliteVersionPlace? place = await _readers.ReadAsync(
            reader => reader.Versions.Locate((long)version.Value), cancellationToken).ConfigureAwait(false);
        if (place?.Path is null)
        {
            await _queue.RunAsync(() => _deadVersions.Renew((long)version.Value), cancellationToken).ConfigureAwait(false);
        }

        return _readLease;
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ChunkOwners>> FindOwnersAsync(
        ImmutableArray<ChunkKey> chunks, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(chunks);
        return _readers.ReadAsync(
            reader => ImmutableArray.CreateRange(chunks, chunk => reader.Versions.Owners(chunk)), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginUploadAsync(BeginUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(() => _uploads.Begin(request), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken) =>
        await _queue.RunAsync(() => _uploads.Renew(session), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        await _queue.RunAsync(() => _uploads.Stage(request), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(() => _uploads.Commit(request), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckWritten(written);
        await _queue.RunAsync(() => _uploads.Abort(session, written), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginSharedAsync(BeginSharedRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _queue.RunAsync(() => _uploads.BeginShared(request), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        byte[]? notes = EntryCodec.EncodeNotes(request.ContentType, request.Metadata);
        return _queue.RunAsync(() => _smallFiles.Commit(request, notes), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        await _queue.RunAsync(() => _smallFiles.Abort(request), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(operation);
        await _queue.RunAsync(() => _tree.CreateDirectory(operation, path), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(request.Operation);
        return _queue.RunAsync(() => _tree.Delete(request), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(request.Operation);
        return _queue.RunAsync(() => _tree.Move(request), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        MetadataChecks.CheckOperation(operation);
        return _queue.RunAsync(() => _totals.Start(operation, path), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Jobs.Find(job)?.Job, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<MetadataJob>> ListJobsAsync(CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Jobs.List(), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken) =>
        _queue.RunAsync(() => _totals.Cancel(job), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ImmutableArray<Tombstone>> DueTombstonesAsync(int limit, CancellationToken cancellationToken)
    {
        await ExpandAsync(limit, cancellationToken).ConfigureAwait(false);
        return await _readers.ReadAsync(reader => reader.Due(_clock.Now(), limit), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<TombstoneBatch> ClaimTombstonesAsync(
        int limit, TimeSpan lease, CancellationToken cancellationToken)
    {
        await ExpandAsync(limit, cancellationToken).ConfigureAwait(false);
        return await _readers.ReadAsync(
            reader => _tombstones.Claim(reader, limit, lease), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> SettleTombstonesAsync(TombstoneSettlement settlement, CancellationToken cancellationToken)
    {
        bool isSettled = await _queue.RunAsync(() => _tombstones.Settle(settlement), cancellationToken).ConfigureAwait(false);
        _tombstones.Release(settlement);
        return isSettled;
    }

    /// <inheritdoc/>
    public ValueTask<NamespaceIdentity> IdentityAsync(CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Identity.Read(), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<NamespaceIdentity> RaiseGenerationAsync(CancellationToken cancellationToken)
    {
        await _queue.RunAsync(_meta.RaiseGeneration, cancellationToken).ConfigureAwait(false);
        return await IdentityAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<NamespaceIdentity> ResumeCollectionAsync(long generation, CancellationToken cancellationToken)
    {
        await _queue.RunAsync(() => _meta.Resume(generation), cancellationToken).ConfigureAwait(false);
        return await IdentityAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask AdoptClusterIdAsync(Guid clusterId, CancellationToken cancellationToken) =>
        await _queue.RunAsync(() => _meta.Adopt(clusterId), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public IAsyncEnumerable<DatabasePiece> ReadCopyAsync(CancellationToken cancellationToken) =>
        DatabaseCopy.Of(_copy, cancellationToken);

    /// <summary>
    /// Begins a new generation in a database that was restored and that nobody uses: <see cref="IMetadataIdentity.RaiseGenerationAsync"/>.
    /// </summary>
    /// <exception cref="BigFsException">As <see cref="SqliteDatabase.Open"/>; LimitExceeded.</exception>
    public static NamespaceIdentity BeginGeneration(string directory)
    {
        using SqliteDatabase database = SqliteDatabase.Open(SqliteMetadataSchema.Database(directory));
        try
        {
            using var meta = new SqliteMeta(database.Connection);
            using var identity = new SqliteIdentity(database.Connection);
            using SqliteTransaction transaction = database.Connection.BeginTransaction();
            meta.RaiseGeneration();
            transaction.Commit();
            return identity.Read();
        }
        catch (SqliteException exception)
        {
            throw database.Translate(exception);
        }
    }

    /// <summary>Finishes what was accepted, then closes the database.</summary>
    public async ValueTask DisposeAsync()
    {
        _copy?.Dispose();
        await _maintenance.DisposeAsync().ConfigureAwait(false);
        await _queue.DisposeAsync().ConfigureAwait(false);
        await _readers.CloseAsync().ConfigureAwait(false);
        IDisposable[] statements =
        [
            _clock, _writer, _owners, _deadVersions, _operations, _uploads, _tombstones, _meta, _accessKeys, _purge, _writersReader,
            _database,
        ];
        foreach (IDisposable one in statements)
        {
            one.Dispose();
        }
    }

    /// <summary>Versions whose leases have ended become tombstones when someone asks for those, in small transactions.</summary>
    private async ValueTask ExpandAsync(int versions, CancellationToken cancellationToken)
    {
        for (; versions > 0; versions -= SqliteDeadVersions.VersionsPerStep)
        {
            bool isDue = await _readers.ReadAsync(
                reader => reader.Versions.HasDue(_clock.Now()), cancellationToken).ConfigureAwait(false);
            if (!isDue)
            {
                return;
            }

            await _queue.RunAsync(_deadVersions.Step, cancellationToken).ConfigureAwait(false);
        }
    }

    private MetadataEntry? Find(SqliteEntryReader reader, BigFsPath path) =>
        reader.Resolve(path, withManifest: true).Entry switch
        {
            null => null,
            { IsDirectory: true } row => new MetadataEntry(row.ToEntry(path), []),
            { } row => new MetadataEntry(row.ToEntry(path), reader.Manifest(row))
            {
                Content = reader.Content(row),
                Chunks = row.Chunks,
                Lease = _readLease,
            },
        };

    private bool MakeRoot()
    {
        _writer.EnsureRoot(_clock.Now());
        return true;
    }

    private void Wake() => _maintenance.Wake();
}

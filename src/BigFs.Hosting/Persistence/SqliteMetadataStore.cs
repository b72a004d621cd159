using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
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
internal sealed class SqliteMetadataStore : IMetadataEngine
{
    private readonly SqliteDatabase _database;
    private readonly SqliteMetadataClock _clock;
    private readonly SqliteEntryReader _writersReader;
    private readonly SqliteEntryWriter _writer;
    private readonly SqliteOperations _operations;
    private readonly SqliteUploads _uploads;
    private readonly SqliteSmallFiles _smallFiles;
    private readonly SqliteTombstones _tombstones;
    private readonly SqliteMeta _meta;
    private readonly SqlitePurge _purge;
    private readonly SqliteTree _tree;
    private readonly SqliteReaderPool _readers;
    private readonly SqliteWriteQueue _queue;
    private readonly SqliteMaintenance _maintenance;

    private SqliteMetadataStore(
        SqliteDatabase database, SqliteMetadataOptions options, TimeProvider time, ILogger logger)
    {
        SqliteConnection connection = database.Connection;
        _database = database;
        NameDurability = options.DataDirectory is null
            ? new NameDurability(BigFsDurability.Memory, "SQLite in memory")
            : MetadataServerHost.FileDurability;
        _clock = new SqliteMetadataClock(connection, time);
        _writersReader = new SqliteEntryReader(connection);
        _writer = new SqliteEntryWriter(connection, _writersReader);
        _operations = new SqliteOperations(connection, options.OperationRetention);
        _uploads = new SqliteUploads(connection, options, _writersReader, _writer, _clock, Purge);
        _smallFiles = new SqliteSmallFiles(options, _writersReader, _writer, _uploads, _operations, _clock, Purge);
        _meta = new SqliteMeta(connection);
        _tombstones = new SqliteTombstones(connection, _clock, _meta);
        _purge = new SqlitePurge(connection, _writersReader, _writer, _clock, logger);
        _tree = new SqliteTree(_writersReader, _writer, _operations, _clock, options.ReadLease, Purge);
        _readers = new SqliteReaderPool(database, _writersReader);
        _queue = new SqliteWriteQueue(database, _readers.WritersTurn, _clock.Persist);
        _maintenance = new SqliteMaintenance(_queue, _purge, time, logger);
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
    public async ValueTask<MetadataEntry?> FindAsync(
        BigFsPath path, bool withManifest, CancellationToken cancellationToken)
    {
        (MetadataEntry? found, bool isLong) = await _readers.ReadAsync(
            reader => Find(reader, path, withManifest, longToo: false), cancellationToken).ConfigureAwait(false);

        // Who asks may be about to ask for others, too: pages of references are read beside it.
        return isLong
            ? await Task.Run(
                async () => (await _readers.ReadAsync(
                    reader => Find(reader, path, withManifest, longToo: true), cancellationToken).ConfigureAwait(false)).Found,
                cancellationToken).ConfigureAwait(false)
            : found;
    }

    /// <inheritdoc/>
    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        return _readers.ReadAsync(reader => List(reader, request), cancellationToken);
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
    public ValueTask<ImmutableArray<Tombstone>> DueTombstonesAsync(int limit, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Due(_clock.Now(), limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<TombstoneBatch> ClaimTombstonesAsync(int limit, TimeSpan lease, CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => _tombstones.Claim(reader, limit, lease), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> SettleTombstonesAsync(TombstoneSettlement settlement, CancellationToken cancellationToken)
    {
        bool isSettled = await _queue.RunAsync(() => _tombstones.Settle(settlement), cancellationToken).ConfigureAwait(false);
        _tombstones.Release(settlement);
        return isSettled;
    }

    /// <inheritdoc/>
    public ValueTask<NamespaceIdentity> IdentityAsync(CancellationToken cancellationToken) =>
        _readers.ReadAsync(reader => reader.Identity(), cancellationToken);

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

    /// <summary>Finishes what was accepted, then closes the database.</summary>
    public async ValueTask DisposeAsync()
    {
        await _maintenance.DisposeAsync().ConfigureAwait(false);
        await _queue.DisposeAsync().ConfigureAwait(false);
        await _readers.CloseAsync().ConfigureAwait(false);
        IDisposable[] statements =
            [_clock, _writer, _operations, _uploads, _tombstones, _meta, _purge, _writersReader, _database];
        foreach (IDisposable one in statements)
        {
            one.Dispose();
        }
    }

    /// <summary>An entry; nothing but whether it has a long manifest when it has and that is not wanted.</summary>
    private static (MetadataEntry? Found, bool IsLong) Find(
        SqliteEntryReader reader, BigFsPath path, bool withManifest, bool longToo)
    {
        if (reader.Resolve(path, withManifest).Entry is not { } row)
        {
            return default;
        }

        if (!withManifest || row.IsDirectory)
        {
            return (new MetadataEntry(row.ToEntry(path), []), false);
        }

        return row.Manifest is null && !longToo
            ? (null, true)
            : (new MetadataEntry(row.ToEntry(path), reader.Manifest(row)) { Content = reader.Content(row) }, false);
    }

    private static MetadataPage List(SqliteEntryReader reader, MetadataListRequest request)
    {
        BigFsPath path = request.Directory;
        SqliteResolved found = reader.Resolve(path, withManifest: false);
        if (found.FileAbove is { } file)
        {
            throw MetadataErrors.NotDirectory(path, file);
        }

        SqliteEntryRow directory = found.Entry ?? throw MetadataErrors.NotFound(path);
        if (directory.Id is not { } id)
        {
            throw MetadataErrors.NotDirectory(path, path);
        }

        // One more than asked for tells whether there is a next page.
        List<SqliteEntryRow> rows = reader.List(id, request.After, request.Prefix, request.Limit + 1);
        int count = Math.Min(rows.Count, request.Limit);
        var entries = ImmutableArray.CreateBuilder<BigFsEntry>(count);
        foreach (SqliteEntryRow row in rows.Take(count))
        {
            entries.Add(row.ToEntry(path / row.Name));
        }

        return new MetadataPage(entries.MoveToImmutable(), rows.Count > count ? rows[count - 1].Name : null);
    }

    private bool MakeRoot()
    {
        _writer.EnsureRoot(_clock.Now());
        return true;
    }

    private void Purge() => _maintenance.Wake();
}

using System.Collections.Immutable;
using System.Threading.Channels;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Looks paths up, many at once: a few loops, each with a connection, take what is waiting and ask for all of it in one
/// statement, which sees one state of the database. Listings and long manifests have statements of their own. What fails
/// for a reason that passes is asked again. Thread-safe.
/// </summary>
internal sealed class PostgresReads : IAsyncDisposable
{
    private const int Loops = 4;
    private const int LargestBatch = 256;

    // Behind the number and the columns of an entry.
    private const int ContentColumn = 14;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly PostgresDatabase _database;
    private readonly PostgresOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<PendingFind> _waiting = Channel.CreateUnbounded<PendingFind>();
    private readonly Task[] _loops;

    /// <summary>Starts the loops.</summary>
    public PostgresReads(PostgresDatabase database, PostgresOptions options, TimeProvider time)
    {
        (_database, _options, _time) = (database, options, time);
        _loops = [.. Enumerable.Range(0, Loops).Select(_ => Task.Run(RunLoopAsync))];
    }

    /// <summary><see cref="IMetadataStore.FindAsync"/>.</summary>
    public async ValueTask<MetadataEntry?> FindAsync(BigFsPath path, bool withManifest, CancellationToken cancellationToken)
    {
        var pending = new PendingFind(path);
        if (!_waiting.Writer.TryWrite(pending))
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The database is closed.");
        }

        if (await pending.Found.Task.WaitAsync(cancellationToken).ConfigureAwait(false) is not (var row, var content))
        {
            return null;
        }

        if (!withManifest || row.IsDirectory)
        {
            return new MetadataEntry(row.ToEntry(path), []);
        }

        return row.Manifest is null
            ? await ReadAsync((connection, token) => FindLongAsync(connection, path, token), cancellationToken).ConfigureAwait(false)
            : Entry(path, row, ManifestCodec.Decode(row.Manifest), content);
    }

    /// <summary><see cref="IMetadataStore.ListAsync"/>.</summary>
    public Task<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken) =>
        ReadAsync((connection, token) => PostgresListing.PageAsync(connection, request, token), cancellationToken);

    /// <summary><see cref="IMetadataStore.ReadManifestAsync"/>.</summary>
    public Task<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken) => ReadAsync(
        async (connection, token) =>
        {
            long version = (long)request.Version.Value;
            long now = await NowAsync(connection, token).ConfigureAwait(false);
            PostgresVersionPlace place = PostgresVersions.RequireLeased(
                (await PostgresVersions.LocateAsync(connection, [version], token).ConfigureAwait(false)).GetValueOrDefault(version),
                version,
                now);
            ImmutableArray<ChunkReference> chunks = await PostgresVersions.ChunksAsync(
                connection, place, request.First, request.Count, token).ConfigureAwait(false);
            return new ManifestPage(chunks, place.Chunks)
            {
                Lease = place.Path is null ? new TimeSpan(place.Due - now) : _options.ReadLease,
            };
        },
        cancellationToken);

    /// <summary>What is known of a version that has chunks; null for nothing.</summary>
    public Task<PostgresVersionPlace?> LocateAsync(long version, CancellationToken cancellationToken) => ReadAsync(
        async (connection, token) =>
            (await PostgresVersions.LocateAsync(connection, [version], token).ConfigureAwait(false)).GetValueOrDefault(version),
        cancellationToken);

    /// <summary><see cref="ITombstoneQueue.DueTombstonesAsync"/>, and whether versions wait to become tombstones.</summary>
    public Task<(ImmutableArray<Tombstone> Due, bool IsMore)> DueAsync(int limit, CancellationToken cancellationToken) => ReadAsync(
        async (connection, token) =>
        {
            long now = await NowAsync(connection, token).ConfigureAwait(false);
            List<Tombstone> due = await connection.ReadAsync(
                PostgresTombstones.Due(limit, "$2").With(NpgsqlDbType.Bigint, now), PostgresTombstones.Row, token)
                .ConfigureAwait(false);
            List<bool> more = await connection.ReadAsync(
                new NpgsqlBatchCommand("SELECT true FROM dead_versions WHERE due <= $1 LIMIT 1").With(NpgsqlDbType.Bigint, now),
                row => true,
                token).ConfigureAwait(false);
            return (due.ToImmutableArray(), more.Count > 0);
        },
        cancellationToken);

    /// <summary><see cref="IMetadataIdentity.IdentityAsync"/>.</summary>
    public Task<NamespaceIdentity> IdentityAsync(CancellationToken cancellationToken) => ReadAsync(
        async (connection, token) => (await connection.ReadAsync(
            new NpgsqlBatchCommand($"SELECT {PostgresWriterRow.Columns} FROM writer"),
            row => PostgresWriterRow.Read(row, 0).Identity,
            token).ConfigureAwait(false)).Single(),
        cancellationToken);

    /// <summary>
    /// Reads on one state of the database, and again on another connection when that failed for a reason that passes.
    /// </summary>
    public async Task<T> ReadAsync<T>(
        Func<NpgsqlConnection, CancellationToken, Task<T>> read, CancellationToken cancellationToken) =>
        await RetriedAsync(
            async connection =>
            {
                await using NpgsqlTransaction state = await connection.BeginTransactionAsync(
                    System.Data.IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
                return await read(connection, cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);

    /// <summary>Ends the loops; what is waiting fails.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunLoopAsync()
    {
        var batch = new List<PendingFind>(LargestBatch);
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (batch.Count < LargestBatch && _waiting.Reader.TryRead(out PendingFind? next))
            {
                batch.Add(next);
            }

            if (batch.Count == 0)
            {
                continue;
            }

            try
            {
                await RetriedAsync(connection => FindAllAsync(connection, batch), _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                FailAll(batch, new BigFsException(BigFsErrorCode.Unavailable, "The database is closed."));
            }
            catch (BigFsException exception)
            {
                FailAll(batch, exception);
            }

            batch.Clear();
        }
    }

    /// <summary>One statement for all.</summary>
    private static async Task<bool> FindAllAsync(NpgsqlConnection connection, List<PendingFind> batch)
    {
        var trie = new PathTrie();
        int[] nodes = [.. batch.Select(pending => trie.Add(pending.Path))];
        var found = new (PostgresEntryRow Row, byte[]? Content)?[trie.Count];
        await using var find = new NpgsqlBatch(connection);
        find.BatchCommands.Add(PostgresCommands.ResolveWanted(trie, [.. nodes.Distinct()]));
        await using (NpgsqlDataReader reader = await find.ExecuteReaderAsync().ConfigureAwait(false))
        {
            while (await reader.ReadAsync().ConfigureAwait(false))
            {
                found[reader.GetInt32(0)] =
                    (PostgresCommands.Row(reader, withManifest: true), PostgresCommands.Bytes(reader, ContentColumn));
            }
        }

        for (int i = 0; i < nodes.Length; i++)
        {
            batch[i].Found.TrySetResult(found[nodes[i]]);
        }

        return true;
    }

    /// <summary>Entry and first page of one state: those of a version that was replaced meanwhile may be going.</summary>
    private async Task<MetadataEntry?> FindLongAsync(
        NpgsqlConnection connection, BigFsPath path, CancellationToken cancellationToken)
    {
        var trie = new PathTrie();
        int node = trie.Add(path);
        var found = await connection.ReadAsync(
            PostgresCommands.ResolveWanted(trie, [node]),
            row => (Row: PostgresCommands.Row(row, withManifest: true), Content: PostgresCommands.Bytes(row, ContentColumn)),
            cancellationToken).ConfigureAwait(false);
        if (found.Count == 0)
        {
            return null;
        }

        (PostgresEntryRow row, byte[]? content) = found[0];
        if (row.IsDirectory)
        {
            return new MetadataEntry(row.ToEntry(path), []);
        }

        var place = new PostgresVersionPlace { Version = row.Version, Chunks = row.Chunks, Manifest = row.Manifest };
        ImmutableArray<ChunkReference> chunks = await PostgresVersions.ChunksAsync(
            connection, place, 0, PostgresEntries.PageReferences, cancellationToken).ConfigureAwait(false);
        return Entry(path, row, chunks, content);
    }

    private MetadataEntry Entry(
        BigFsPath path, PostgresEntryRow row, ImmutableArray<ChunkReference> manifest, byte[]? content) =>
        row.Content && content is null
            ? throw new BigFsException(
                BigFsErrorCode.DataUnreadable, $"The content of version {row.FileVersion} is missing in the metadata.")
            : new MetadataEntry(row.ToEntry(path), manifest)
            {
                Content = content ?? [],
                Chunks = row.Chunks,
                Lease = _options.ReadLease,
            };

    /// <summary>The database's clock, as the last change has it or later.</summary>
    public async Task<long> NowAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        string clock = _options.Clock is null ? PostgresTransaction.DatabaseClock : "$1";
        var ask = new NpgsqlBatchCommand($"SELECT greatest(clock, {clock}) FROM writer");
        if (_options.Clock is { } given)
        {
            ask.With(NpgsqlDbType.Bigint, given.GetUtcNow().UtcTicks);
        }

        return (await connection.ReadAsync(ask, row => row.GetInt64(0), cancellationToken).ConfigureAwait(false)).Single();
    }

    /// <summary>Reads on a connection, and again on another when that failed for a reason that passes.</summary>
    private async Task<T> RetriedAsync<T>(Func<NpgsqlConnection, Task<T>> read, CancellationToken cancellationToken)
    {
        long began = _time.GetTimestamp();
        for (int failures = 0; ; failures++)
        {
            try
            {
                await using NpgsqlConnection connection =
                    await _database.OpenReaderAsync(cancellationToken).ConfigureAwait(false);
                return await read(connection).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is not OperationCanceledException and not BigFsException { Code: not BigFsErrorCode.Unavailable })
            {
                bool again = PostgresErrors.IsPassing(exception) && _time.GetElapsedTime(began) < _options.RetryFor;
                if (!again)
                {
                    throw PostgresErrors.WhileRunning(exception, _database.Location);
                }
            }

            await Task.Delay(Backoff.Pause(failures, FirstPause, LongestPause), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static void FailAll(List<PendingFind> batch, BigFsException failure)
    {
        foreach (PendingFind pending in batch)
        {
            pending.Found.TrySetException(new BigFsException(failure.Code, failure.Message, failure));
        }
    }

    private sealed record PendingFind(BigFsPath Path)
    {
        public TaskCompletionSource<(PostgresEntryRow Row, byte[]? Content)?> Found { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

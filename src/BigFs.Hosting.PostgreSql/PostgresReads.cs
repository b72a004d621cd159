using System.Collections.Immutable;
using System.Text;
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

    // UTF-8 never holds this byte: whatever follows a prefix sorts below the prefix and it.
    private const byte AboveUtf8 = 0xFF;

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
            ? await RetriedAsync(connection => FindLongAsync(connection, path, cancellationToken), cancellationToken)
                .ConfigureAwait(false)
            : new MetadataEntry(row.ToEntry(path), ManifestCodec.Decode(row.Manifest)) { Content = content ?? [] };
    }

    /// <summary><see cref="IMetadataStore.ListAsync"/>.</summary>
    public async ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken) =>
        await RetriedAsync(connection => ListAsync(connection, request, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <summary><see cref="ITombstoneQueue.DueTombstonesAsync"/>.</summary>
    public async ValueTask<ImmutableArray<Tombstone>> DueAsync(int limit, CancellationToken cancellationToken) =>
        await RetriedAsync(connection => DueAsync(connection, limit, cancellationToken), cancellationToken).ConfigureAwait(false);

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
                    (PostgresCommands.Row(reader, withManifest: true), PostgresCommands.Bytes(reader, 13));
            }
        }

        for (int i = 0; i < nodes.Length; i++)
        {
            batch[i].Found.TrySetResult(found[nodes[i]]);
        }

        return true;
    }

    /// <summary>Entry and pages of one state: pages of a version that was replaced meanwhile may be going.</summary>
    private static async Task<MetadataEntry?> FindLongAsync(
        NpgsqlConnection connection, BigFsPath path, CancellationToken cancellationToken)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(
            System.Data.IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        var trie = new PathTrie();
        int node = trie.Add(path);
        PostgresEntryRow? row = null;
        byte[] content = [];
        await using (var find = new NpgsqlBatch(connection))
        {
            find.BatchCommands.Add(PostgresCommands.ResolveWanted(trie, [node]));
            await using NpgsqlDataReader reader = await find.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            if (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                row = PostgresCommands.Row(reader, withManifest: true);
                content = PostgresCommands.Bytes(reader, 13) ?? [];
            }
        }

        if (row is null || row.IsDirectory || row.Manifest is not null)
        {
            return row is null
                ? null
                : new MetadataEntry(row.ToEntry(path), row.Manifest is null ? [] : ManifestCodec.Decode(row.Manifest)) { Content = content };
        }

        var chunks = ImmutableArray.CreateBuilder<ChunkReference>();
        await using var pages = new NpgsqlBatch(connection);
        pages.BatchCommands.Add(new NpgsqlBatchCommand("SELECT chunks FROM manifest_pages WHERE version = $1 ORDER BY page")
            .With(NpgsqlDbType.Bigint, row.Version));
        await using NpgsqlDataReader page = await pages.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await page.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            chunks.AddRange(ManifestCodec.Decode(page.GetFieldValue<byte[]>(0)));
        }

        return new MetadataEntry(row.ToEntry(path), chunks.DrainToImmutable());
    }

    private static async Task<MetadataPage> ListAsync(
        NpgsqlConnection connection, MetadataListRequest request, CancellationToken cancellationToken)
    {
        BigFsPath path = request.Directory;
        var trie = new PathTrie();
        int node = trie.Add(path);
        (byte[] from, byte[] below) = Range(request);

        // Both statements see one state: without an explicit transaction a batch is one.
        await using var list = new NpgsqlBatch(connection);
        list.BatchCommands.Add(PostgresCommands.Resolve(trie));
        list.BatchCommands.Add(PostgresCommands.List(trie, node, from, below, request.Limit + 1));
        await using NpgsqlDataReader reader = await list.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var found = new PostgresEntryRow?[trie.Count];
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            found[reader.GetInt32(0)] = PostgresCommands.Row(reader, withManifest: true);
        }

        RequireDirectory(path, trie, node, found);
        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        var page = new MetadataPageBuilder(request);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            // One more than asked for tells whether there is a next page.
            PostgresEntryRow row = PostgresCommands.Row(reader, withManifest: false);
            if (!page.TryAdd(row.ToEntry(path / row.Name), row.Name, row.Notes?.Length ?? 0))
            {
                break;
            }
        }

        return page.Build();
    }

    private static (byte[] From, byte[] Below) Range(MetadataListRequest request)
    {
        byte[] from = Encoding.UTF8.GetBytes(request.Prefix);
        byte[] below = [.. from, AboveUtf8];
        if (request.After.Length > 0)
        {
            // No name holds NUL, so this is the first name after it.
            byte[] next = [.. Encoding.UTF8.GetBytes(request.After), 0];
            from = next.AsSpan().SequenceCompareTo(from) > 0 ? next : from;
        }

        return (from, below);
    }

    private static void RequireDirectory(BigFsPath path, PathTrie trie, int node, PostgresEntryRow?[] found)
    {
        if (found[node] is { } there)
        {
            if (!there.IsDirectory)
            {
                throw MetadataErrors.NotDirectory(path, path);
            }

            return;
        }

        // A file above it stands in the way; else nothing is there.
        BigFsPath above = path;
        for (int up = trie.Up(node); up >= 0; up = trie.Up(up))
        {
            above = above.Parent;
            if (found[up] is { IsDirectory: false })
            {
                throw MetadataErrors.NotDirectory(path, above);
            }
        }

        throw MetadataErrors.NotFound(path);
    }

    private async Task<ImmutableArray<Tombstone>> DueAsync(NpgsqlConnection connection, int limit, CancellationToken cancellationToken)
    {
        string clock = _options.Clock is null ? PostgresTransaction.DatabaseClock : "$2";
        var ask = new NpgsqlBatchCommand(
            $"SELECT id, volume, key FROM tombstones WHERE due <= (SELECT greatest(clock, {clock}) FROM writer) ORDER BY due, id LIMIT $1")
            .With(NpgsqlDbType.Integer, limit);
        if (_options.Clock is { } given)
        {
            ask.With(NpgsqlDbType.Bigint, given.GetUtcNow().UtcTicks);
        }

        await using var find = new NpgsqlBatch(connection);
        find.BatchCommands.Add(ask);
        await using NpgsqlDataReader reader = await find.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var due = ImmutableArray.CreateBuilder<Tombstone>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            due.Add(new Tombstone(
                reader.GetInt64(0), new VolumeId(reader.GetInt64(1)), new ChunkKey((ulong)reader.GetInt64(2))));
        }

        return due.DrainToImmutable();
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

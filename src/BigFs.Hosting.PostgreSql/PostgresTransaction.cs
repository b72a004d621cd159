using System.Text;
using BigFs.Core.Metadata;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// One transaction of the writer, which holds the lock on all changes: what its operations have read so far, and what they
/// changed, here until <see cref="CommitAsync"/> sends it. What is not known yet is read when it is asked for. Each
/// operation stands for itself: what one that is refused had changed is taken back. Not thread-safe.
/// </summary>
internal sealed partial class PostgresTransaction
{
    private const string SessionColumns =
        "id, state, expires, keep_until, path, precondition, wanted, replicas, notes, operation, created, modified, version, "
        + "size, crc, staged_version, staged, staged_bytes";

    /// <summary>The server's clock in UTC ticks; 621355968000000000 of them lie between the year 1 and 1970.</summary>
    public const string DatabaseClock = "(extract(epoch FROM clock_timestamp()) * 10000000)::bigint + 621355968000000000";

    // 51 bits are left to the stamp: microseconds until the year 2091.
    private const int VersionBits = 12;

    private readonly NpgsqlConnection _connection;
    private readonly Dictionary<long, Dictionary<string, KnownEntry>> _entries = [];
    private readonly HashSet<long> _newDirectories = [];
    private readonly Dictionary<Guid, PostgresSession?> _sessions = [];
    private readonly Dictionary<Guid, PostgresOperation?> _operations = [];
    private readonly Stack<Action> _undo = new();
    private PostgresWriterRow _stored = null!, _writer = null!;
    private int _versions;

    private PostgresTransaction(NpgsqlConnection connection) => _connection = connection;

    /// <summary>The database's clock, in UTC ticks: no transaction before had a later time.</summary>
    public long Now { get; private set; }

    /// <summary>The connection, for operations that are alone in their transaction.</summary>
    public NpgsqlConnection Connection => _connection;

    /// <summary>The namespace's few single values.</summary>
    public PostgresWriterRow Writer
    {
        get => _writer;
        set => Set(ref _writer, value, before => _writer = before);
    }

    /// <summary>
    /// A number that was never a version, and grows with time: the transaction's stamp, which no other has, and a counter
    /// within it. So the index that holds them is written at its end, and a database that was restored from a backup gives
    /// none of those again that it gave after the backup.
    /// </summary>
    public long NewVersion()
    {
        if (++_versions == 1 << VersionBits)
        {
            throw new InvalidOperationException("A transaction makes more versions than its stamp has room for.");
        }

        return (_writer.Stamp << VersionBits) | (uint)_versions;
    }

    /// <summary>
    /// Begins: takes the lock, moves the clock on, and reads in the same round trip what the operations say that they need.
    /// </summary>
    /// <exception cref="BigFsException">DataUnreadable: the tables have been changed by a newer version meanwhile.</exception>
    public static async Task<PostgresTransaction> BeginAsync(
        NpgsqlConnection connection, TimeProvider? clock, IReadOnlyList<PostgresNeeds> needs, CancellationToken cancellationToken)
    {
        var transaction = new PostgresTransaction(connection);
        var trie = new PathTrie();
        foreach (BigFsPath path in needs.SelectMany(one => one.Paths))
        {
            trie.Add(path);
        }

        Guid[] operations = [.. needs.Where(one => one.Operation is not null).Select(one => one.Operation!.Value).Distinct()];
        long[] chunks = [.. needs.SelectMany(one => one.Chunks).Select(chunk => (long)chunk.Key.Value).Distinct()];
        Guid[] sessions = [.. needs.Where(one => one.Session is not null).Select(one => one.Session!.Value).Distinct()];
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("BEGIN ISOLATION LEVEL READ COMMITTED"));
        batch.BatchCommands.Add(Lock(clock));
        batch.BatchCommands.Add(FindOperations(operations));
        batch.BatchCommands.Add(FindSessions(sessions));
        batch.BatchCommands.Add(PostgresVersions.Owners(chunks));
        batch.BatchCommands.Add(PostgresCommands.Resolve(trie));
        await using (NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false))
        {
            await transaction.ReadWriterAsync(reader, cancellationToken).ConfigureAwait(false);
            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
            await transaction.ReadOperationsAsync(reader, operations, cancellationToken).ConfigureAwait(false);
            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
            await transaction.ReadSessionsAsync(reader, sessions, cancellationToken).ConfigureAwait(false);
            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
            var owners = new List<(long, long)>();
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                owners.Add(Owner(reader));
            }

            transaction.KnowOwners(chunks, owners);
            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
            await transaction.ReadEntriesAsync(reader, trie, cancellationToken).ConfigureAwait(false);
        }

        await transaction.LoadPathsOfSessionsAsync(cancellationToken).ConfigureAwait(false);
        return transaction;
    }

    /// <summary>What stands under a name in a directory.</summary>
    public async ValueTask<PostgresEntryRow?> EntryAsync(long parent, string name)
    {
        if (_entries.TryGetValue(parent, out Dictionary<string, KnownEntry>? known) && known.TryGetValue(name, out KnownEntry one))
        {
            return one.Row;
        }

        if (_newDirectories.Contains(parent))
        {
            return null;
        }

        var trie = new PathTrie();
        trie.Add(parent, name);
        await LoadAsync(trie, CancellationToken.None).ConfigureAwait(false);
        return _entries[parent][name].Row;
    }

    /// <summary>Follows a path.</summary>
    public async ValueTask<PostgresResolved> ResolveAsync(BigFsPath path)
    {
        if (path.IsRoot)
        {
            return new PostgresResolved(await EntryAsync(PostgresSchema.AboveRoot, "").ConfigureAwait(false), null, null);
        }

        long parent = PostgresSchema.RootId;
        IReadOnlyList<string> segments = path.Segments;
        for (int depth = 0; depth < segments.Count - 1; depth++)
        {
            switch (await EntryAsync(parent, segments[depth]).ConfigureAwait(false))
            {
                case null:
                    return default;
                case { Id: { } id }:
                    parent = id;
                    break;
                default:
                    return new PostgresResolved(null, Ancestor(path, segments.Count - 1 - depth), null);
            }
        }

        return new PostgresResolved(await EntryAsync(parent, segments[^1]).ConfigureAwait(false), null, parent);
    }

    /// <summary>Whether a directory holds anything.</summary>
    public async ValueTask<bool> HasEntriesAsync(long directory)
    {
        Dictionary<string, KnownEntry> known = Known(directory);
        if (known.Values.Any(one => one.Row is not null))
        {
            return true;
        }

        if (_newDirectories.Contains(directory))
        {
            return false;
        }

        // One more than may be gone from sight already.
        int limit = known.Values.Count(one => one.Stored is not null) + 1;
        await using var find = new NpgsqlBatch(_connection);
        find.BatchCommands.Add(new NpgsqlBatchCommand("SELECT name FROM entries WHERE parent = $1 LIMIT $2")
            .With(NpgsqlDbType.Bigint, directory)
            .With(NpgsqlDbType.Integer, limit));
        await using NpgsqlDataReader reader = await find.ExecuteReaderAsync().ConfigureAwait(false);
        bool found = false;
        while (await reader.ReadAsync().ConfigureAwait(false))
        {
            string name = Encoding.UTF8.GetString(reader.GetFieldValue<byte[]>(0));
            found |= !known.ContainsKey(name);
        }

        return found;
    }

    /// <summary>A session, whatever its state.</summary>
    public async ValueTask<PostgresSession?> SessionAsync(Guid id)
    {
        if (!_sessions.ContainsKey(id))
        {
            await using var find = new NpgsqlBatch(_connection);
            find.BatchCommands.Add(FindSessions([id]));
            await using NpgsqlDataReader reader = await find.ExecuteReaderAsync().ConfigureAwait(false);
            await ReadSessionsAsync(reader, [id], CancellationToken.None).ConfigureAwait(false);
        }

        return _sessions[id];
    }

    /// <summary>What is kept of an operation; null when it never succeeded, or long ago.</summary>
    public async ValueTask<PostgresOperation?> OperationAsync(Guid id)
    {
        if (!_operations.ContainsKey(id))
        {
            await using var find = new NpgsqlBatch(_connection);
            find.BatchCommands.Add(FindOperations([id]));
            await using NpgsqlDataReader reader = await find.ExecuteReaderAsync().ConfigureAwait(false);
            await ReadOperationsAsync(reader, [id], CancellationToken.None).ConfigureAwait(false);
        }

        return _operations[id];
    }

    private static NpgsqlBatchCommand Lock(TimeProvider? clock)
    {
        string now = clock is null ? DatabaseClock : "$1";
        // Microseconds since 2020, which begin at 637134336000000000 ticks.
        var take = new NpgsqlBatchCommand(
            $"UPDATE writer SET clock = greatest(clock, {now}), stamp = greatest(stamp + 1, ({now} - 637134336000000000) / 10) "
                + "WHERE one RETURNING clock, schema_version, stamp, incarnation, namespace, cluster, generation, paused");
        return clock is null ? take : take.With(NpgsqlDbType.Bigint, clock.GetUtcNow().UtcTicks);
    }

    private static NpgsqlBatchCommand FindOperations(Guid[] ids) =>
        new NpgsqlBatchCommand("SELECT id, kind, keep_until, answer FROM operations WHERE id = ANY ($1)")
            .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, ids);

    private static NpgsqlBatchCommand FindSessions(Guid[] ids) =>
        new NpgsqlBatchCommand($"SELECT {SessionColumns} FROM sessions WHERE id = ANY ($1)")
            .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, ids);

    private static BigFsPath Ancestor(BigFsPath path, int levels)
    {
        for (; levels > 0; levels--)
        {
            path = path.Parent;
        }

        return path;
    }

    private Dictionary<string, KnownEntry> Known(long directory)
    {
        if (!_entries.TryGetValue(directory, out Dictionary<string, KnownEntry>? known))
        {
            _entries[directory] = known = new Dictionary<string, KnownEntry>(StringComparer.Ordinal);
        }

        return known;
    }

    /// <summary>Uploads commit by their session alone: only that tells their paths.</summary>
    private async Task LoadPathsOfSessionsAsync(CancellationToken cancellationToken)
    {
        var trie = new PathTrie();
        foreach (PostgresSession? session in _sessions.Values)
        {
            if (session is { Path: { } path, State: StoredSessionState.Open })
            {
                trie.Add(path);
            }
        }

        if (trie.Count > 0)
        {
            await LoadAsync(trie, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task LoadAsync(PathTrie trie, CancellationToken cancellationToken)
    {
        await using var find = new NpgsqlBatch(_connection);
        find.BatchCommands.Add(PostgresCommands.Resolve(trie));
        await using NpgsqlDataReader reader = await find.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await ReadEntriesAsync(reader, trie, cancellationToken).ConfigureAwait(false);
    }

    private async Task ReadWriterAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            throw new BigFsException(BigFsErrorCode.DataUnreadable, "The metadata database has lost its row \"writer\".");
        }

        Now = reader.GetInt64(0);
        PostgresMigration.RequireKnown(reader.GetInt32(1));
        _writer = _stored = PostgresWriterRow.Read(reader, 2);
    }

    private async Task ReadOperationsAsync(NpgsqlDataReader reader, Guid[] asked, CancellationToken cancellationToken)
    {
        foreach (Guid id in asked)
        {
            _operations[id] = null;
        }

        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var found = new PostgresOperation(
                reader.GetGuid(0),
                (PostgresOperationKind)reader.GetInt32(1),
                reader.GetInt64(2),
                reader.GetFieldValue<byte[]>(3));
            _operations[found.Id] = found;
        }
    }

    private async Task ReadSessionsAsync(NpgsqlDataReader reader, Guid[] asked, CancellationToken cancellationToken)
    {
        foreach (Guid id in asked)
        {
            _sessions[id] = null;
        }

        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            string path = Encoding.UTF8.GetString(reader.GetFieldValue<byte[]>(4));
            var found = new PostgresSession
            {
                Id = reader.GetGuid(0),
                State = (StoredSessionState)reader.GetInt32(1),
                Expires = reader.GetInt64(2),
                KeepUntil = reader.GetInt64(3),
                Path = path.Length == 0 ? default(BigFsPath?) : BigFsPath.Parse(path),
                Precondition = new Precondition(
                    (PreconditionKind)reader.GetInt32(5), new BigFsVersion((ulong)reader.GetInt64(6))),
                Replicas = reader.GetInt32(7),
                Notes = PostgresCommands.Bytes(reader, 8),
                Operation = reader.IsDBNull(9) ? null : reader.GetGuid(9),
                Created = reader.GetInt64(10),
                Modified = reader.GetInt64(11),
                Version = reader.GetInt64(12),
                Size = reader.GetInt64(13),
                Crc = (uint)reader.GetInt64(14),
                StagedVersion = reader.IsDBNull(15) ? null : reader.GetInt64(15),
                Staged = reader.GetInt32(16),
                StagedBytes = reader.GetInt64(17),
            };
            _sessions[found.Id] = found;
        }
    }

    /// <summary>Notes what was found, and of nodes below what was found that nothing is there.</summary>
    private async Task ReadEntriesAsync(NpgsqlDataReader reader, PathTrie trie, CancellationToken cancellationToken)
    {
        var found = new PostgresEntryRow?[trie.Count];
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            found[reader.GetInt32(0)] = PostgresCommands.Row(reader, withManifest: true);
        }

        for (int node = 0; node < found.Length; node++)
        {
            int up = trie.Up(node);
            if ((up < 0 ? trie.Start(node) : found[up]?.Id) is { } parent)
            {
                Known(parent).TryAdd(trie.Name(node), new KnownEntry(found[node], found[node]));
            }
        }
    }

    /// <summary>An entry as the database has it, and as it is to be.</summary>
    private readonly record struct KnownEntry(PostgresEntryRow? Stored, PostgresEntryRow? Row);
}

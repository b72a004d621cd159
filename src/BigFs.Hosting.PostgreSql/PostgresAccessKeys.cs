using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Security;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Clients' keys beside the namespace. Few and rarely changed, so each change is a transaction of its own, and may be done again
/// when its outcome is unknown. Thread-safe.
/// </summary>
internal sealed class PostgresAccessKeys(PostgresDatabase database, PostgresOptions options, TimeProvider time) : IAccessKeyStore
{
    /// <summary>The step of the schema that makes the table; times are UTC ticks, texts UTF-8 in bytea.</summary>
    public const string Schema =
        """
        CREATE TABLE access_keys (
            id bytea PRIMARY KEY,
            hash bytea NOT NULL,
            name bytea NOT NULL,
            rights integer NOT NULL,
            root bytea NOT NULL,
            created bigint NOT NULL,
            expires bigint,
            revoked bigint
        );
        """;

    private const string Columns = "id, hash, name, rights, root, created, expires, revoked";
    private const string Values = "$1, $2, $3, $4, $5, $6, $7, NULL::bigint";

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    public async ValueTask AddAsync(AccessKeyRecord record, CancellationToken cancellationToken)
    {
        record.Check();
        await ChangeAsync(
            $"INSERT INTO access_keys ({Columns}) SELECT {Values} WHERE (SELECT count(*) FROM access_keys) < {IAccessKeyStore.MaxKeys} "
                + "ON CONFLICT (id) DO NOTHING",
            command => Bind(command, record),
            cancellationToken).ConfigureAwait(false);
        AccessKeyRecord kept = await FindAsync(record.Id, cancellationToken).ConfigureAwait(false)
            ?? throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"There are {IAccessKeyStore.MaxKeys} access keys, no more are kept.");
        if (!kept.Hash.AsSpan().SequenceEqual(record.Hash.AsSpan()))
        {
            throw new BigFsException(BigFsErrorCode.AlreadyExists, $"There is another access key {record.Id}.");
        }
    }

    public async ValueTask<bool> TryAddFirstAsync(AccessKeyRecord record, CancellationToken cancellationToken)
    {
        record.Check();
        await ChangeAsync(
            $"INSERT INTO access_keys ({Columns}) SELECT {Values} WHERE NOT EXISTS (SELECT 1 FROM access_keys)",
            command => Bind(command, record),
            cancellationToken).ConfigureAwait(false);

        // What was asked twice after a lost answer is there once.
        return await FindAsync(record.Id, cancellationToken).ConfigureAwait(false) is not null;
    }

    public async ValueTask<AccessKeyRecord?> FindAsync(string id, CancellationToken cancellationToken) => AccessKey.IsId(id)
        ? (await ReadAsync("WHERE id = $1", command => Add(command, Utf8(id)), cancellationToken).ConfigureAwait(false)).FirstOrDefault()
        : null;

    public async ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken) =>
        [.. await ReadAsync("ORDER BY id", _ => { }, cancellationToken).ConfigureAwait(false)];

    public async ValueTask<bool> RevokeAsync(string id, DateTimeOffset when, CancellationToken cancellationToken)
    {
        if (!AccessKey.IsId(id))
        {
            return false;
        }

        await ChangeAsync(
            "UPDATE access_keys SET revoked = $2 WHERE id = $1 AND revoked IS NULL",
            command =>
            {
                Add(command, Utf8(id));
                Add(command, (long?)when.UtcTicks);
            },
            cancellationToken).ConfigureAwait(false);
        return await FindAsync(id, cancellationToken).ConfigureAwait(false) is not null;
    }

    private static void Bind(NpgsqlCommand command, AccessKeyRecord record)
    {
        Add(command, Utf8(record.Id));
        Add(command, [.. record.Hash]);
        Add(command, Utf8(record.Name));
        command.Parameters.Add(new NpgsqlParameter<int> { NpgsqlDbType = NpgsqlDbType.Integer, TypedValue = (int)record.Rights });
        Add(command, Utf8(record.Root.ToString()));
        Add(command, (long?)record.Created.UtcTicks);
        Add(command, record.Expires?.UtcTicks);
    }

    private static void Add(NpgsqlCommand command, byte[] value) =>
        command.Parameters.Add(new NpgsqlParameter<byte[]> { NpgsqlDbType = NpgsqlDbType.Bytea, TypedValue = value });

    private static void Add(NpgsqlCommand command, long? value) =>
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bigint, Value = value ?? (object)DBNull.Value });

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static AccessKeyRecord Row(NpgsqlDataReader row) => new()
    {
        Id = Text(row, 0),
        Hash = [.. row.GetFieldValue<byte[]>(1)],
        Name = Text(row, 2),
        Rights = (AccessRights)row.GetInt32(3),
        Root = BigFsPath.Parse(Text(row, 4)),
        Created = new DateTimeOffset(row.GetInt64(5), TimeSpan.Zero),
        Expires = row.IsDBNull(6) ? null : new DateTimeOffset(row.GetInt64(6), TimeSpan.Zero),
        Revoked = row.IsDBNull(7) ? null : new DateTimeOffset(row.GetInt64(7), TimeSpan.Zero),
    };

    private static string Text(NpgsqlDataReader row, int column) => Encoding.UTF8.GetString(row.GetFieldValue<byte[]>(column));

    /// <summary>One change under a lock that lets one change be made at a time: what it counts stays so until its end.</summary>
    private Task ChangeAsync(string text, Action<NpgsqlCommand> bind, CancellationToken cancellationToken) => RetriedAsync(
        async () =>
        {
            NpgsqlConnection connection = await database.OpenWriterAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                await using (var take = new NpgsqlCommand("LOCK TABLE access_keys IN SHARE ROW EXCLUSIVE MODE", connection))
                {
                    await take.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                }

                await using var command = new NpgsqlCommand(text, connection);
                bind(command);
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
                return true;
            }
            finally
            {
                await PostgresDatabase.DropAsync(connection).ConfigureAwait(false);
            }
        },
        cancellationToken);

    private Task<List<AccessKeyRecord>> ReadAsync(string where, Action<NpgsqlCommand> bind, CancellationToken cancellationToken) =>
        RetriedAsync(
            async () =>
            {
                await using NpgsqlConnection connection = await database.OpenReaderAsync(cancellationToken).ConfigureAwait(false);
                await using var command = new NpgsqlCommand($"SELECT {Columns} FROM access_keys {where}", connection);
                bind(command);
                var found = new List<AccessKeyRecord>();
                await using NpgsqlDataReader rows = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                while (await rows.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    found.Add(Row(rows));
                }

                return found;
            },
            cancellationToken);

    private async Task<T> RetriedAsync<T>(Func<Task<T>> attempt, CancellationToken cancellationToken)
    {
        long began = time.GetTimestamp();
        for (int failures = 0; ; failures++)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is not OperationCanceledException and not BigFsException { Code: not BigFsErrorCode.Unavailable })
            {
                if (!PostgresErrors.IsPassing(exception) || time.GetElapsedTime(began) >= options.RetryFor)
                {
                    throw PostgresErrors.WhileRunning(exception, database.Location);
                }
            }

            await Task.Delay(Backoff.Pause(failures, FirstPause, LongestPause), time, cancellationToken).ConfigureAwait(false);
        }
    }
}

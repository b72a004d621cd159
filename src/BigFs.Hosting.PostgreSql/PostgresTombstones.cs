using System.Collections.Immutable;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>What becomes of tombstones, inside the writer's transaction.</summary>
internal static class PostgresTombstones
{
    /// <summary>Forgets them; how many there were.</summary>
    public static ValueTask<int> ConfirmAsync(PostgresTransaction transaction, ImmutableArray<long> ids) =>
        RunAsync(
            transaction,
            new NpgsqlBatchCommand("DELETE FROM tombstones WHERE id = ANY ($1)")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, ids.ToArray()));

    /// <summary>Makes them due later; how many there were.</summary>
    public static ValueTask<int> PostponeAsync(PostgresTransaction transaction, ImmutableArray<long> ids, TimeSpan delay) =>
        RunAsync(
            transaction,
            new NpgsqlBatchCommand("UPDATE tombstones SET due = $1 WHERE id = ANY ($2)")
                .With(NpgsqlDbType.Bigint, transaction.Now + delay.Ticks)
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, ids.ToArray()));

    private static async ValueTask<int> RunAsync(PostgresTransaction transaction, NpgsqlBatchCommand command)
    {
        await using var batch = new NpgsqlBatch(transaction.Connection);
        batch.BatchCommands.Add(command);
        return await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
    }
}

using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <summary>What becomes of tombstones, inside the writer's transaction. Claims stand in the table: servers share the queue.</summary>
internal static class PostgresTombstones
{
    private const int NodeBytes = 16;

    private const string Columns = "id, volume, key, epoch, confirmed, attempts, due";

    /// <summary><see cref="ITombstoneQueue.ClaimTombstonesAsync"/>.</summary>
    public static async ValueTask<TombstoneBatch> ClaimAsync(PostgresTransaction transaction, int limit, TimeSpan lease)
    {
        NamespaceIdentity identity = transaction.Writer.Identity;
        if (identity.IsCollectionPaused)
        {
            return new TombstoneBatch(identity.Generation, IsPaused: true, []);
        }

        var claimed = await transaction.Connection.ReadAsync(
            new NpgsqlBatchCommand(
                "UPDATE tombstones SET claimed = $1 WHERE id = ANY (ARRAY ("
                    + "SELECT id FROM tombstones WHERE due <= $2 AND claimed <= $2 ORDER BY due, id LIMIT $3)) "
                    + $"RETURNING {Columns}")
                .With(NpgsqlDbType.Bigint, transaction.Now + lease.Ticks)
                .With(NpgsqlDbType.Bigint, transaction.Now)
                .With(NpgsqlDbType.Integer, limit),
            row => (Due: row.GetInt64(6), Tombstone: Row(row))).ConfigureAwait(false);
        return new TombstoneBatch(
            identity.Generation,
            IsPaused: false,
            [.. claimed.OrderBy(one => one.Due).ThenBy(one => one.Tombstone.Id).Select(one => one.Tombstone)]);
    }

    /// <summary><see cref="ITombstoneQueue.SettleTombstonesAsync"/>.</summary>
    public static async ValueTask<bool> SettleAsync(PostgresTransaction transaction, TombstoneSettlement settlement)
    {
        if (transaction.Writer.Identity.Generation != settlement.Generation)
        {
            return false;
        }

        NpgsqlConnection connection = transaction.Connection;
        if (settlement.Done.Length > 0)
        {
            // A chunk whose deletion was carried out is forgotten with its mark.
            await connection.ExecuteAsync(
                new NpgsqlBatchCommand(
                    "WITH gone AS (DELETE FROM tombstones WHERE id = ANY ($1) RETURNING key) "
                        + "DELETE FROM chunk_owners o USING gone WHERE o.key = gone.key AND o.version = 0")
                    .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, settlement.Done.ToArray())).ConfigureAwait(false);
        }

        if (settlement.Kept.Length > 0)
        {
            await KeepAsync(transaction, settlement.Kept).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Tombstones that are due by now, claimed or not.</summary>
    /// <param name="limit">Most of them.</param>
    /// <param name="now">An SQL expression; takes no parameter but the second.</param>
    public static NpgsqlBatchCommand Due(int limit, string now) =>
        new NpgsqlBatchCommand($"SELECT {Columns} FROM tombstones WHERE due <= ({now}) ORDER BY due, id LIMIT $1")
            .With(NpgsqlDbType.Integer, limit);

    /// <summary>A tombstone from its columns.</summary>
    public static Tombstone Row(NpgsqlDataReader row) =>
        new(row.GetInt64(0), new VolumeId(row.GetInt64(1)), new ChunkKey((ulong)row.GetInt64(2)))
        {
            Epoch = row.GetInt64(3),
            Confirmed = Nodes(PostgresCommands.Bytes(row, 4)),
            Attempts = row.GetInt32(5),
        };

    private static async Task KeepAsync(PostgresTransaction transaction, ImmutableArray<TombstoneRest> kept)
    {
        Dictionary<long, Kept> known = (await transaction.Connection.ReadAsync(
            new NpgsqlBatchCommand($"SELECT {Columns} FROM tombstones WHERE id = ANY ($1)")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, kept.Select(rest => rest.Id).Distinct().ToArray()),
            Row).ConfigureAwait(false)).ToDictionary(one => one.Id, one => new Kept(one.Epoch, one.Confirmed, one.Attempts, 0));
        foreach (TombstoneRest rest in kept)
        {
            if (known.TryGetValue(rest.Id, out Kept before))
            {
                known[rest.Id] = before.With(rest, transaction.Now);
            }
        }

        List<KeyValuePair<long, Kept>> rows = [.. known];
        await transaction.Connection.ExecuteAsync(
            new NpgsqlBatchCommand(
                "UPDATE tombstones t SET due = k.due, epoch = k.epoch, attempts = k.attempts, confirmed = k.confirmed, claimed = 0 "
                    + "FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::bytea[]) "
                    + "AS k (id, due, epoch, attempts, confirmed) WHERE t.id = k.id")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(one => one.Key))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(one => one.Value.Due))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, rows.ConvertAll(one => one.Value.Epoch))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Integer, rows.ConvertAll(one => one.Value.Attempts))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, rows.ConvertAll(one => Bytes(one.Value.Confirmed)))).ConfigureAwait(false);
    }

    /// <summary>Node ids as they stand in the column, 16 bytes each.</summary>
    private static ImmutableArray<NodeId> Nodes(ReadOnlySpan<byte> bytes)
    {
        var nodes = ImmutableArray.CreateBuilder<NodeId>(bytes.Length / NodeBytes);
        for (; bytes.Length >= NodeBytes; bytes = bytes[NodeBytes..])
        {
            nodes.Add(new NodeId(new Guid(bytes[..NodeBytes], bigEndian: true)));
        }

        return nodes.DrainToImmutable();
    }

    private static byte[]? Bytes(ImmutableArray<NodeId> nodes) =>
        nodes.IsEmpty ? null : [.. nodes.SelectMany(node => node.Value.ToByteArray(bigEndian: true))];

    private readonly record struct Kept(long Epoch, ImmutableArray<NodeId> Confirmed, int Attempts, long Due)
    {
        public Kept With(TombstoneRest rest, long now)
        {
            Kept next = this with { Attempts = Attempts + 1, Due = now + rest.Delay.Ticks };
            return rest.Epoch < Epoch || rest.Epoch == 0
                ? next
                : next with
                {
                    Epoch = rest.Epoch,
                    Confirmed = [.. (rest.Epoch == Epoch ? Confirmed.Union(rest.Confirmed) : rest.Confirmed).Order()],
                };
        }
    }
}

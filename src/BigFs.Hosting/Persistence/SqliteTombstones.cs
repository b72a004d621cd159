using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// What becomes of tombstones: settled inside the writer's transaction, claimed by readers. The database belongs to this
/// process, so claims are kept here and not in it: a process that ended claims nothing. Claims are thread-safe.
/// </summary>
internal sealed class SqliteTombstones(
    SqliteConnection connection, SqliteMetadataClock clock, SqliteMeta meta, SqliteChunkOwners owners) : IDisposable
{
    private const int NodeBytes = 16;

    private readonly SqliteStatement _remove = new(connection, "DELETE FROM tombstones WHERE id = ?1 RETURNING key");
    private readonly SqliteStatement _confirmations = new(connection, "SELECT epoch, confirmed FROM tombstones WHERE id = ?1");
    private readonly SqliteStatement _keep = new(
        connection, "UPDATE tombstones SET due = ?1, epoch = ?2, attempts = attempts + 1, confirmed = ?4 WHERE id = ?3");

    private readonly Lock _lock = new();

    /// <summary>Until when which tombstone is somebody's, in ticks of the clock; under the lock.</summary>
    private readonly Dictionary<long, long> _claims = [];

    /// <summary>Node ids as they stand in the column, 16 bytes each.</summary>
    public static ImmutableArray<NodeId> Nodes(ReadOnlySpan<byte> bytes)
    {
        var nodes = ImmutableArray.CreateBuilder<NodeId>(bytes.Length / NodeBytes);
        for (; bytes.Length >= NodeBytes; bytes = bytes[NodeBytes..])
        {
            nodes.Add(new NodeId(new Guid(bytes[..NodeBytes], bigEndian: true)));
        }

        return nodes.DrainToImmutable();
    }

    /// <summary><see cref="ITombstoneQueue.ClaimTombstonesAsync"/>, on one state of the database.</summary>
    public TombstoneBatch Claim(SqliteEntryReader reader, int limit, TimeSpan lease)
    {
        // The state that is read begins under the lock: what was settled before is not given out again.
        lock (_lock)
        {
            NamespaceIdentity identity = reader.Identity.Read();
            if (identity.IsCollectionPaused)
            {
                return new TombstoneBatch(identity.Generation, IsPaused: true, []);
            }

            long now = clock.Now();
            foreach (long ended in _claims.Where(claim => claim.Value <= now).Select(claim => claim.Key).ToArray())
            {
                _claims.Remove(ended);
            }

            ImmutableArray<Tombstone> free =
            [
                .. reader.Due(now, limit + _claims.Count).Where(one => !_claims.ContainsKey(one.Id)).Take(limit),
            ];
            foreach (Tombstone one in free)
            {
                _claims[one.Id] = now + lease.Ticks;
            }

            return new TombstoneBatch(identity.Generation, IsPaused: false, free);
        }
    }

    /// <summary><see cref="ITombstoneQueue.SettleTombstonesAsync"/>.</summary>
    public bool Settle(TombstoneSettlement settlement)
    {
        if (meta.Generation() != settlement.Generation)
        {
            return false;
        }

        foreach (long id in settlement.Done)
        {
            if (_remove.Bind(id).Single() is { } key)
            {
                owners.Forget(key);
            }
        }

        long now = clock.Now();
        foreach (TombstoneRest rest in settlement.Kept)
        {
            Keep(rest, now);
        }

        return true;
    }

    /// <summary>Ends the claims of a settlement that is on disk.</summary>
    public void Release(TombstoneSettlement settlement)
    {
        lock (_lock)
        {
            foreach (long id in settlement.Done.Concat(settlement.Kept.Select(rest => rest.Id)))
            {
                _claims.Remove(id);
            }
        }
    }

    public void Dispose()
    {
        _remove.Dispose();
        _confirmations.Dispose();
        _keep.Dispose();
    }

    private void Keep(TombstoneRest rest, long now)
    {
        if (!_confirmations.Bind(rest.Id).Step())
        {
            return;
        }

        long epoch = _confirmations.Long(0);
        IEnumerable<NodeId> confirmed = Nodes(_confirmations.Bytes(1));
        _confirmations.Reset();
        if (rest.Epoch >= epoch && rest.Epoch > 0)
        {
            confirmed = rest.Epoch == epoch ? confirmed.Union(rest.Confirmed) : rest.Confirmed;
            epoch = rest.Epoch;
        }

        byte[] bytes = [.. confirmed.Order().SelectMany(node => node.Value.ToByteArray(bigEndian: true))];
        _keep.Bind(now + rest.Delay.Ticks, epoch, rest.Id);
        _ = bytes.Length == 0 ? _keep.Null(4) : _keep.Blob(4, bytes);
        _keep.Run();
    }
}

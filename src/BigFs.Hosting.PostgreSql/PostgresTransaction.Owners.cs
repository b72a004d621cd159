using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Npgsql;
using NpgsqlTypes;

namespace BigFs.Hosting.PostgreSql;

/// <content>
/// Which versions name a chunk. The last owner's removal makes the tombstone, and marks the chunk by the owner 0 until the
/// deletion is confirmed: a marked chunk gains no owner.
/// </content>
internal sealed partial class PostgresTransaction
{
    private const long Deleted = 0;

    private readonly Dictionary<long, KnownOwners> _owners = [];

    /// <summary>Makes a version an owner of chunks.</summary>
    /// <exception cref="BigFsException">ChunkDeleted.</exception>
    public async ValueTask OwnAsync(ImmutableArray<ChunkReference> chunks, long version)
    {
        await LoadOwnersAsync(chunks).ConfigureAwait(false);
        foreach (ChunkReference chunk in chunks)
        {
            ImmutableHashSet<long> now = _owners[(long)chunk.Key.Value].Now;
            SetOwners(chunk, now.Contains(Deleted) ? throw MetadataErrors.ChunkDeleted(chunk) : now.Add(version));
        }
    }

    /// <summary>
    /// Takes a version's ownership away; chunks that nobody owns then become tombstones. Also for chunks that nobody ever
    /// owned: what belongs to a file is never deleted by those who gave up another.
    /// </summary>
    public async ValueTask DisownAsync(ImmutableArray<ChunkReference> chunks, long version, long due)
    {
        await LoadOwnersAsync(chunks).ConfigureAwait(false);
        foreach (ChunkReference chunk in chunks)
        {
            ImmutableHashSet<long> left = _owners[(long)chunk.Key.Value].Now;
            left = version == Deleted ? left : left.Remove(version);
            if (left.IsEmpty)
            {
                left = left.Add(Deleted);
                Add(_tombstones, (due, chunk.Volume.Value, (long)chunk.Key.Value));
            }

            SetOwners(chunk, left);
        }
    }

    private async ValueTask LoadOwnersAsync(ImmutableArray<ChunkReference> chunks)
    {
        long[] missing = [.. chunks.Select(chunk => (long)chunk.Key.Value).Where(key => !_owners.ContainsKey(key)).Distinct()];
        if (missing.Length > 0)
        {
            KnowOwners(missing, await _connection.ReadAsync(PostgresVersions.Owners(missing), Owner).ConfigureAwait(false));
        }
    }

    private static (long Key, long Version) Owner(NpgsqlDataReader row) => (row.GetInt64(0), row.GetInt64(1));

    private void KnowOwners(long[] asked, List<(long Key, long Version)> found)
    {
        foreach (long key in asked)
        {
            _owners[key] = new KnownOwners([], []);
        }

        foreach (IGrouping<long, (long Key, long Version)> one in found.GroupBy(owner => owner.Key))
        {
            ImmutableHashSet<long> stored = [.. one.Select(owner => owner.Version)];
            _owners[one.Key] = new KnownOwners(stored, stored);
        }
    }

    private void SetOwners(ChunkReference chunk, ImmutableHashSet<long> owners)
    {
        long key = (long)chunk.Key.Value;
        KnownOwners before = _owners[key];
        _owners[key] = before with { Now = owners };
        _undo.Push(() => _owners[key] = before);
    }

    private void WriteOwners(NpgsqlBatchCommandCollection commands)
    {
        var gone = new List<(long Key, long Version)>();
        var come = new List<(long Key, long Version)>();
        foreach ((long key, KnownOwners owners) in _owners)
        {
            if (!ReferenceEquals(owners.Stored, owners.Now))
            {
                gone.AddRange(owners.Stored.Except(owners.Now).Select(version => (key, version)));
                come.AddRange(owners.Now.Except(owners.Stored).Select(version => (key, version)));
            }
        }

        if (gone.Count > 0)
        {
            commands.Add(new NpgsqlBatchCommand(
                "DELETE FROM chunk_owners o USING unnest($1::bigint[], $2::bigint[]) AS g (key, version) "
                    + "WHERE o.key = g.key AND o.version = g.version")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, gone.ConvertAll(one => one.Key))
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, gone.ConvertAll(one => one.Version)));
        }

        AddPairs(commands, "chunk_owners (key, version)", come);
    }

    private readonly record struct KnownOwners(ImmutableHashSet<long> Stored, ImmutableHashSet<long> Now);
}

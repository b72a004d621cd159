using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Hosting.Backup;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>The volume map in a SQLite database of its own, whose lock makes one node manager the only one.</summary>
internal sealed class SqliteVolumeMapStore : IVolumeMapStore, IDatabaseBackup
{
    private const int ApplicationId = 0x42465631; // "BFV1"

    /// <summary>More terms, epochs and volumes than are made between a backup and its restore.</summary>
    private const long RestoreJump = 1 << 16;

    private const string Schema =
        """
        CREATE TABLE cluster (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            id BLOB NOT NULL,
            term INTEGER NOT NULL) STRICT;
        CREATE TABLE nodes (
            id BLOB PRIMARY KEY,
            incarnation INTEGER NOT NULL,
            transfer_endpoint BLOB NOT NULL,
            control_endpoint BLOB NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE volumes (
            id INTEGER PRIMARY KEY,
            epoch INTEGER NOT NULL,
            state INTEGER NOT NULL,
            was_open INTEGER NOT NULL) STRICT;
        CREATE TABLE members (
            volume INTEGER NOT NULL REFERENCES volumes (id),
            node BLOB NOT NULL REFERENCES nodes (id),
            verified INTEGER NOT NULL,
            PRIMARY KEY (volume, node)) STRICT, WITHOUT ROWID;
        """;

    // Which namespace names the chunks, and up to which id volumes may have been made that a restored map does not list.
    private const string Namespace =
        """
        ALTER TABLE cluster ADD COLUMN namespace BLOB;
        ALTER TABLE cluster ADD COLUMN volume_floor INTEGER NOT NULL DEFAULT 0;
        """;

    // The namespace's generation, and up to which id volumes were made before it.
    private const string Generation =
        """
        ALTER TABLE cluster ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE cluster ADD COLUMN generation_floor INTEGER NOT NULL DEFAULT 0;
        """;

    private readonly SqliteDatabase _database;
    private readonly DatabaseCopy? _copy;
    private readonly SqliteStatement _putNode;
    private readonly SqliteStatement _addVolume;
    private readonly SqliteStatement _swapVolume;
    private readonly SqliteStatement _putMember;
    private long _term;

    private SqliteVolumeMapStore(SqliteDatabase database, string? folder)
    {
        _database = database;
        _copy = folder is null ? null : new DatabaseCopy(database, folder, database.Name);
        SqliteConnection connection = database.Connection;
        _putNode = new SqliteStatement(
            connection,
            "INSERT INTO nodes (id, incarnation, transfer_endpoint, control_endpoint) VALUES (?1, ?2, ?3, ?4) "
                + "ON CONFLICT (id) DO UPDATE SET incarnation = ?2, transfer_endpoint = ?3, control_endpoint = ?4");
        _addVolume = new SqliteStatement(
            connection, "INSERT INTO volumes (id, epoch, state, was_open) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING");
        _swapVolume = new SqliteStatement(
            connection,
            "UPDATE volumes SET epoch = ?2, state = ?3, was_open = ?4 WHERE id = ?1 AND epoch = ?5 AND state = ?6 AND epoch <= ?2");
        _putMember = new SqliteStatement(
            connection,
            "INSERT INTO members (volume, verified, node) VALUES (?1, ?2, ?3) "
                + "ON CONFLICT (volume, node) DO UPDATE SET verified = ?2");
    }

    /// <summary>Opens the map "volumes.db" in a folder, or makes it; null for one in memory.</summary>
    /// <exception cref="BigFsException">DataInUse, DataUnreadable, InvalidSettings, OutOfSpace, Unavailable.</exception>
    public static Task<SqliteVolumeMapStore> OpenAsync(string? dataDirectory, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        SqliteDatabase database = SqliteDatabase.Open(Database(dataDirectory));
        try
        {
            return Task.FromResult(new SqliteVolumeMapStore(database, dataDirectory));
        }
        catch (SqliteException exception)
        {
            database.Dispose();
            throw database.Translate(exception);
        }
    }

    /// <inheritdoc/>
    public ValueTask<VolumeMapContents> BeginTermAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            using (var begin = new SqliteStatement(
                _database.Connection,
                "INSERT INTO cluster (one, id, term) VALUES (1, ?1, 1) ON CONFLICT (one) DO UPDATE SET term = term + 1"))
            {
                begin.Blob(1, Guid.NewGuid().ToByteArray(bigEndian: true)).Run();
            }

            VolumeMapContents contents = Read();
            _term = contents.Term;
            return ValueTask.FromResult(contents);
        }
        catch (SqliteException exception)
        {
            throw _database.Translate(exception);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> CommitAsync(VolumeMapCommit commit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(commit);
        cancellationToken.ThrowIfCancellationRequested();
        if (commit.Term != _term)
        {
            return ValueTask.FromResult(false);
        }

        try
        {
            using SqliteTransaction transaction = _database.Connection.BeginTransaction();
            if (commit.Namespace is { } bound && !Bind(bound))
            {
                transaction.Rollback();
                return ValueTask.FromResult(false);
            }

            if (commit.Generation is { } generation)
            {
                Begin(generation);
            }

            foreach (NodeRecord node in commit.Nodes)
            {
                _putNode.Reset();
                _putNode.Blob(1, Bytes(node.Id)).Integer(2, node.Incarnation)
                    .Name(3, node.TransferEndpoint).Name(4, node.ControlEndpoint).Run();
            }

            foreach (VolumeCommit volume in commit.Volumes)
            {
                if (!Swap(volume))
                {
                    transaction.Rollback();
                    return ValueTask.FromResult(false);
                }
            }

            transaction.Commit();
            return ValueTask.FromResult(true);
        }
        catch (SqliteException exception)
        {
            throw _database.Translate(exception);
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<DatabasePiece> ReadCopyAsync(CancellationToken cancellationToken) =>
        DatabaseCopy.Of(_copy, cancellationToken);

    /// <summary>
    /// Prepares a restored map that nobody uses: its term and epochs jump beyond all that datanodes may have seen since, new
    /// volumes get ids beyond all that may have been made since, and every volume is compared and sealed anew before it counts.
    /// Replicas take no delete marks from each other then: the names are mostly restored too.
    /// </summary>
    /// <exception cref="BigFsException">As <see cref="SqliteDatabase.Open"/>.</exception>
    public static void BeginAfterRestore(string directory)
    {
        using SqliteDatabase database = SqliteDatabase.Open(Database(directory));
        try
        {
            using SqliteTransaction transaction = database.Connection.BeginTransaction();
            using var cluster = new SqliteStatement(
                database.Connection,
                "UPDATE cluster SET term = term + ?1, generation_floor = (SELECT coalesce(max(id), 0) FROM volumes), "
                    + "volume_floor = max(volume_floor, (SELECT coalesce(max(id), 0) FROM volumes)) + ?2");
            using var volumes = new SqliteStatement(
                database.Connection, "UPDATE volumes SET epoch = epoch + ?1, state = ?2, was_open = 1");
            using var members = new SqliteStatement(database.Connection, "UPDATE members SET verified = 0");
            cluster.Bind(RestoreJump, RestoreJump).Run();
            volumes.Bind(RestoreJump, (long)VolumeState.Sealing).Run();
            members.Bind().Run();
            transaction.Commit();
        }
        catch (SqliteException exception)
        {
            throw database.Translate(exception);
        }
    }

    /// <summary>Closes the database and gives up its lock.</summary>
    public ValueTask DisposeAsync()
    {
        _copy?.Dispose();
        _putNode.Dispose();
        _addVolume.Dispose();
        _swapVolume.Dispose();
        _putMember.Dispose();
        _database.Dispose();
        return ValueTask.CompletedTask;
    }

    private static SqliteDatabaseOptions Database(string? directory) => new()
    {
        Name = "volumes",
        Directory = directory,
        ApplicationId = ApplicationId,
        Migrations = [Schema, Namespace, Generation],
        CacheKiB = 2 << 10,
    };

    private bool Bind(Guid bound)
    {
        byte[] id = bound.ToByteArray(bigEndian: true);
        using var bind = new SqliteStatement(
            _database.Connection, "UPDATE cluster SET namespace = ?1 WHERE namespace IS NULL OR namespace = ?1");
        return bind.Bind().Blob(1, id).Run() == 1;
    }

    private void Begin(MapGeneration generation)
    {
        using var begin = new SqliteStatement(
            _database.Connection, "UPDATE cluster SET generation = ?1, generation_floor = ?2 WHERE generation < ?1");
        begin.Bind(generation.Number, generation.Floor).Run();
    }

    private bool Swap(VolumeCommit volume)
    {
        VolumeRecord after = volume.After;
        long wasOpen = after.WasOpen ? 1 : 0;
        int changed = volume.Before is { } before
            ? _swapVolume.Bind(after.Id.Value, after.Epoch, (long)after.State, wasOpen, before.Epoch, (long)before.State).Run()
            : _addVolume.Bind(after.Id.Value, after.Epoch, (long)after.State, wasOpen).Run();
        foreach (VolumeMember member in changed == 1 ? after.Members : [])
        {
            _putMember.Bind(after.Id.Value, member.Verified ? 1 : 0).Blob(3, Bytes(member.Node)).Run();
        }

        return changed == 1;
    }

    private VolumeMapContents Read()
    {
        SqliteConnection connection = _database.Connection;
        using var cluster = new SqliteStatement(connection, "SELECT id, term, namespace, volume_floor, generation, generation_floor FROM cluster");
        cluster.Step();
        var clusterId = new Guid(cluster.Bytes(0), bigEndian: true);
        long term = cluster.Long(1);
        Guid? bound = cluster.IsNull(2) ? null : new Guid(cluster.Bytes(2), bigEndian: true);
        long floor = cluster.Long(3);
        var generation = new MapGeneration(cluster.Long(4), cluster.Long(5));
        cluster.Reset();

        var nodes = new List<NodeRecord>();
        using var node = new SqliteStatement(
            connection, "SELECT id, incarnation, transfer_endpoint, control_endpoint FROM nodes");
        while (node.Step())
        {
            nodes.Add(new NodeRecord
            {
                Id = Node(node.Bytes(0)),
                Incarnation = node.Long(1),
                TransferEndpoint = node.Text(2),
                ControlEndpoint = node.Text(3),
            });
        }

        var members = new Dictionary<long, List<VolumeMember>>();
        using var member = new SqliteStatement(connection, "SELECT volume, node, verified FROM members");
        while (member.Step())
        {
            if (!members.TryGetValue(member.Long(0), out List<VolumeMember>? list))
            {
                members[member.Long(0)] = list = [];
            }

            list.Add(new VolumeMember(Node(member.Bytes(1)), member.Long(2) != 0));
        }

        var volumes = ImmutableArray.CreateBuilder<VolumeRecord>();
        using var volume = new SqliteStatement(connection, "SELECT id, epoch, state, was_open FROM volumes ORDER BY id");
        while (volume.Step())
        {
            volumes.Add(new VolumeRecord
            {
                Id = new VolumeId(volume.Long(0)),
                Epoch = volume.Long(1),
                State = (VolumeState)volume.Long(2),
                WasOpen = volume.Long(3) != 0,
                Members = [.. members[volume.Long(0)].OrderBy(one => one.Node)],
            });
        }

        return new VolumeMapContents
        {
            ClusterId = clusterId,
            Namespace = bound,
            VolumeFloor = floor,
            Generation = generation,
            Term = term,
            Nodes = [.. nodes.OrderBy(one => one.Id)],
            Volumes = volumes.ToImmutable(),
        };
    }

    private static byte[] Bytes(NodeId node) => node.Value.ToByteArray(bigEndian: true);

    private static NodeId Node(ReadOnlySpan<byte> bytes) => new(new Guid(bytes, bigEndian: true));
}

using System.Collections.Immutable;
using BigFs.Core.Security;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>Clients' keys beside the namespace, inside the writer's transaction.</summary>
internal sealed class SqliteAccessKeys : IDisposable
{
    /// <summary>The migration that makes the table; times are UTC ticks, texts UTF-8 blobs.</summary>
    public const string Schema =
        """
        CREATE TABLE access_keys (
            id BLOB PRIMARY KEY,
            hash BLOB NOT NULL,
            name BLOB NOT NULL,
            rights INTEGER NOT NULL,
            root BLOB NOT NULL,
            created INTEGER NOT NULL,
            expires INTEGER,
            revoked INTEGER
        ) WITHOUT ROWID;
        """;

    private const string Columns = "id, hash, name, rights, root, created, expires, revoked";

    private readonly SqliteStatement _add, _find, _list, _revoke, _count;

    public SqliteAccessKeys(SqliteConnection connection)
    {
        _add = new SqliteStatement(
            connection,
            $"INSERT INTO access_keys ({Columns}) VALUES (?4, ?5, ?6, ?1, ?7, ?2, ?3, NULL)");
        _find = new SqliteStatement(connection, $"SELECT {Columns} FROM access_keys WHERE id = ?1");
        _list = new SqliteStatement(connection, $"SELECT {Columns} FROM access_keys ORDER BY id");
        _revoke = new SqliteStatement(connection, "UPDATE access_keys SET revoked = ?1 WHERE id = ?2 AND revoked IS NULL");
        _count = new SqliteStatement(connection, "SELECT count(*) FROM access_keys");
    }

    /// <summary><see cref="IAccessKeyStore.AddAsync"/>.</summary>
    public bool Add(AccessKeyRecord record)
    {
        if (Find(record.Id) is { } known)
        {
            return known.Hash.AsSpan().SequenceEqual(record.Hash.AsSpan())
                ? false
                : throw new BigFsException(BigFsErrorCode.AlreadyExists, $"There is another access key {record.Id}.");
        }

        if (_count.Bind().Single() >= IAccessKeyStore.MaxKeys)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"There are {IAccessKeyStore.MaxKeys} access keys, no more are kept.");
        }

        _add.Bind((long)record.Rights, record.Created.UtcTicks).Integer(3, record.Expires?.UtcTicks)
            .Name(4, record.Id).Blob(5, record.Hash.AsSpan()).Name(6, record.Name).Name(7, record.Root.ToString()).Run();
        return true;
    }

    /// <summary><see cref="IAccessKeyStore.TryAddFirstAsync"/>.</summary>
    public bool TryAddFirst(AccessKeyRecord record) => _count.Bind().Single() == 0 && Add(record);

    /// <summary><see cref="IAccessKeyStore.FindAsync"/>.</summary>
    public AccessKeyRecord? Find(string id)
    {
        _find.Reset();
        if (!_find.Name(1, id).Step())
        {
            return null;
        }

        AccessKeyRecord found = Row(_find);
        _find.Reset();
        return found;
    }

    /// <summary><see cref="IAccessKeyStore.ListAsync"/>.</summary>
    public ImmutableArray<AccessKeyRecord> List()
    {
        var keys = ImmutableArray.CreateBuilder<AccessKeyRecord>();
        _list.Reset();
        while (_list.Step())
        {
            keys.Add(Row(_list));
        }

        return keys.ToImmutable();
    }

    /// <summary><see cref="IAccessKeyStore.RevokeAsync"/>.</summary>
    public bool Revoke(string id, DateTimeOffset when)
    {
        _revoke.Bind(when.UtcTicks).Name(2, id).Run();
        return Find(id) is not null;
    }

    public void Dispose()
    {
        foreach (SqliteStatement statement in (SqliteStatement[])[_add, _find, _list, _revoke, _count])
        {
            statement.Dispose();
        }
    }

    private static AccessKeyRecord Row(SqliteStatement row) => new()
    {
        Id = row.Text(0),
        Hash = [.. row.Bytes(1)],
        Name = row.Text(2),
        Rights = (AccessRights)row.Long(3),
        Root = BigFsPath.Parse(row.Text(4)),
        Created = new DateTimeOffset(row.Long(5), TimeSpan.Zero),
        Expires = row.IsNull(6) ? null : new DateTimeOffset(row.Long(6), TimeSpan.Zero),
        Revoked = row.IsNull(7) ? null : new DateTimeOffset(row.Long(7), TimeSpan.Zero),
    };
}

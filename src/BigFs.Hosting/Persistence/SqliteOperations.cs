using BigFs.Core.Metadata;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// The first answers of operations, so that a retry after a lost answer changes nothing. Only successes are kept: a
/// refused operation changed nothing and may be judged anew. (Uploads keep theirs in their sessions.)
/// </summary>
internal sealed class SqliteOperations(SqliteConnection connection, TimeSpan retention) : IDisposable
{
    private readonly SqliteStatement _find = new(connection, "SELECT answer, kind FROM operations WHERE id = ?1");
    private readonly SqliteStatement _add = new(
        connection, "INSERT INTO operations (kind, keep_until, id, answer) VALUES (?1, ?2, ?3, ?4)");

    /// <summary>The kinds; stored.</summary>
    internal enum Kind
    {
        CreateDirectory = 1,
        Delete = 2,
        Move = 3,
    }

    /// <summary>The first answer, or that of the work, which is kept.</summary>
    /// <exception cref="BigFsException">InvalidArgument: the id was used for another kind; or the work's refusal.</exception>
    public byte[] Once(Guid operation, Kind kind, long now, Func<byte[]> work)
    {
        Span<byte> id = stackalloc byte[16];
        operation.TryWriteBytes(id, bigEndian: true, out _);
        if (_find.Bind().Blob(1, id).Step())
        {
            byte[] first = _find.Bytes(0).ToArray();
            long firstKind = _find.Long(1);
            _find.Reset();
            return firstKind == (long)kind ? first : throw MetadataErrors.OperationReused(operation);
        }

        byte[] answer = work();
        _add.Bind((long)kind, now + retention.Ticks).Blob(3, id).Blob(4, answer).Run();
        return answer;
    }

    public void Dispose()
    {
        _find.Dispose();
        _add.Dispose();
    }
}

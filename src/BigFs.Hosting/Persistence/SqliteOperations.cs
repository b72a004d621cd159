using BigFs.Core.Faults;
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

    private readonly SqliteStatement _tryAdd = new(
        connection,
        "INSERT INTO operations (kind, keep_until, id, answer) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING");

    /// <summary>The kinds; stored.</summary>
    internal enum Kind
    {
        CreateDirectory = 1,
        Delete = 2,
        Move = 3,
        CommitFile = 4,
        AbortFile = 5,
    }

    /// <summary>The first answer, or that of the work, which is kept.</summary>
    /// <exception cref="BigFsException">InvalidArgument: the id was used for another kind; or the work's refusal.</exception>
    public byte[] Once(Guid operation, Kind kind, long now, Func<byte[]> work)
    {
        if (Find(operation) is { } first)
        {
            return first.Kind == kind ? first.Answer : throw MetadataErrors.OperationReused(operation);
        }

        byte[] answer = work();
        CrashPoint.Reach("operation.before-record");
        Keep(operation, kind, now, answer);
        return answer;
    }

    /// <summary>What is kept of an operation; null when it never succeeded, or long ago.</summary>
    public (Kind Kind, byte[] Answer)? Find(Guid operation)
    {
        Span<byte> id = stackalloc byte[16];
        operation.TryWriteBytes(id, bigEndian: true, out _);
        if (!_find.Bind().Blob(1, id).Step())
        {
            return null;
        }

        (Kind Kind, byte[] Answer) first = ((Kind)_find.Long(1), _find.Bytes(0).ToArray());
        _find.Reset();
        return first;
    }

    /// <summary>Keeps an operation's answer for the retention.</summary>
    public void Keep(Guid operation, Kind kind, long now, ReadOnlySpan<byte> answer) =>
        Run(_add, operation, kind, now, answer);

    /// <summary>The same for an operation that was not looked for; false, and nothing is changed, when it is kept already.</summary>
    public bool TryKeep(Guid operation, Kind kind, long now, ReadOnlySpan<byte> answer) =>
        Run(_tryAdd, operation, kind, now, answer) == 1;

    public void Dispose()
    {
        _find.Dispose();
        _add.Dispose();
        _tryAdd.Dispose();
    }

    private int Run(SqliteStatement statement, Guid operation, Kind kind, long now, ReadOnlySpan<byte> answer)
    {
        Span<byte> id = stackalloc byte[16];
        operation.TryWriteBytes(id, bigEndian: true, out _);
        return Canary.SkipRecord ? 1 : statement.Bind((long)kind, now + retention.Ticks).Blob(3, id).Blob(4, answer).Run();
    }
}

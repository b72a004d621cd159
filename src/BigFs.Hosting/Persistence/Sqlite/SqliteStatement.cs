using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>
/// A statement prepared once and used often, without the copies and boxes of ADO.NET. Use: bind from index 1, step until
/// false, read columns from index 0, reset (a new <see cref="Bind(ReadOnlySpan{long})"/> resets too). Errors are
/// <see cref="SqliteException"/>s. Belongs to its connection: not thread-safe.
/// </summary>
internal sealed class SqliteStatement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;

    // What is bound stays bound. The library takes a lock for each call: what would change nothing is left out.
    private readonly Bound[] _bound;
    private bool _isStepped;

    /// <summary>Prepares the statement.</summary>
    public SqliteStatement(SqliteConnection connection, string sql)
    {
        _database = connection.Handle!;
        Check(raw.sqlite3_prepare_v3(_database, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
        _bound = new Bound[raw.sqlite3_bind_parameter_count(_statement) + 1];
    }

    /// <summary>Starts over and binds integers from index 1 on.</summary>
    public SqliteStatement Bind(params ReadOnlySpan<long> values)
    {
        Reset();
        for (int i = 0; i < values.Length; i++)
        {
            Integer(i + 1, values[i]);
        }

        return this;
    }

    /// <summary>Binds an integer.</summary>
    public SqliteStatement Integer(int index, long value)
    {
        ref Bound bound = ref _bound[index];
        if (bound.Kind != BoundKind.Integer || bound.Value != value)
        {
            bound = new Bound(BoundKind.Bytes, 0);
            Check(raw.sqlite3_bind_int64(_statement, index, value));
            bound = new Bound(BoundKind.Integer, value);
        }

        return this;
    }

    /// <summary>Binds an integer or NULL.</summary>
    public SqliteStatement Integer(int index, long? value) => value is { } number ? Integer(index, number) : Null(index);

    /// <summary>Binds bytes; empty ones as an empty blob, not as NULL.</summary>
    public SqliteStatement Blob(int index, ReadOnlySpan<byte> value)
    {
        _bound[index] = new Bound(BoundKind.Bytes, 0);
        Check(value.IsEmpty
            ? raw.sqlite3_bind_zeroblob(_statement, index, 0)
            : raw.sqlite3_bind_blob(_statement, index, value));
        return this;
    }

    /// <summary>Binds NULL.</summary>
    public SqliteStatement Null(int index)
    {
        ref Bound bound = ref _bound[index];
        if (bound.Kind != BoundKind.Null)
        {
            Check(raw.sqlite3_bind_null(_statement, index));
            bound = default;
        }

        return this;
    }

    /// <summary>Binds text as its UTF-8 bytes (a blob), so that order and equality go by bytes.</summary>
    public SqliteStatement Name(int index, string value)
    {
        Span<byte> bytes = stackalloc byte[Encoding.UTF8.GetMaxByteCount(value.Length) <= 1024 ? 1024 : 0];
        return bytes.IsEmpty
            ? Blob(index, Encoding.UTF8.GetBytes(value))
            : Blob(index, bytes[..Encoding.UTF8.GetBytes(value, bytes)]);
    }

    /// <summary>Goes to the next row; false at the end, and then the statement is reset.</summary>
    public bool Step()
    {
        _isStepped = true;
        int code = raw.sqlite3_step(_statement);
        if (code == raw.SQLITE_ROW)
        {
            return true;
        }

        if (code != raw.SQLITE_DONE)
        {
            try
            {
                SqliteException.ThrowExceptionForRC(code, _database);
            }
            finally
            {
                Reset();
            }
        }

        Reset();
        return false;
    }

    /// <summary>Runs a statement that gives no rows; returns how many rows it changed.</summary>
    public int Run()
    {
        while (Step())
        {
        }

        return raw.sqlite3_changes(_database);
    }

    /// <summary>Runs a query for one integer; null when there is no row or it is NULL.</summary>
    public long? Single()
    {
        long? value = Step() && !IsNull(0) ? Long(0) : null;
        Reset();
        return value;
    }

    /// <summary>Whether the column is NULL.</summary>
    public bool IsNull(int column) => raw.sqlite3_column_type(_statement, column) == raw.SQLITE_NULL;

    /// <summary>The column as an integer.</summary>
    public long Long(int column) => raw.sqlite3_column_int64(_statement, column);

    /// <summary>The column's bytes; valid until the next step or reset.</summary>
    public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(_statement, column);

    /// <summary>The column's UTF-8 bytes as text.</summary>
    public string Text(int column) => Encoding.UTF8.GetString(Bytes(column));

    /// <summary>Ends the row being read, and with it the statement's hold on the database.</summary>
    public void Reset()
    {
        if (_isStepped)
        {
            // The code repeats the last step's error, which was thrown then.
            _ = raw.sqlite3_reset(_statement);
            _isStepped = false;
        }
    }

    /// <summary>Forgets the statement.</summary>
    public void Dispose() => _statement.Dispose();

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            SqliteException.ThrowExceptionForRC(code, _database);
        }
    }

    // A new statement's parameters are NULL.
    private enum BoundKind
    {
        Null,
        Integer,
        Bytes,
    }

    private readonly record struct Bound(BoundKind Kind, long Value);
}

using System.Diagnostics;
using System.Globalization;
using System.Text;
using SQLitePCL;

namespace BigFs.Benchmarks;

/// <summary>
/// What SQLite itself does with the rows of the namespace, by hand: one connection, one thread, no queue, nobody else's
/// answers to wait for. WAL, a full flush at each commit, so many creates a transaction as there are callers. The ceiling of
/// <c>benchmarks/metadata.sh</c>.
/// </summary>
internal sealed class MetadataReference : IDisposable
{
    private const string Schema =
        """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA cache_size = -16384;
        CREATE TABLE entries (
            parent INTEGER NOT NULL, name BLOB NOT NULL, id INTEGER, created INTEGER NOT NULL, modified INTEGER NOT NULL,
            version INTEGER, size INTEGER, crc INTEGER, replicas INTEGER, notes BLOB, manifest BLOB,
            PRIMARY KEY (parent, name)) WITHOUT ROWID;
        CREATE TABLE operations (
            id BLOB PRIMARY KEY, kind INTEGER NOT NULL, keep_until INTEGER NOT NULL, answer BLOB NOT NULL) WITHOUT ROWID;
        CREATE INDEX operations_by_age ON operations (keep_until);
        """;

    private readonly sqlite3 _database;
    private readonly byte[] _answer = new byte[50];

    private MetadataReference(string file)
    {
        Batteries_V2.Init();
        Check(raw.sqlite3_open(file, out _database));
        Check(raw.sqlite3_exec(_database, Schema));
    }

    /// <summary>Makes, finds and lists so many names, and prints a line for each.</summary>
    /// <param name="arguments">An empty folder, the count, the creates of a transaction.</param>
    public static int Run(string[] arguments)
    {
        if (arguments is not [string folder, string countText, string batchText]
            || !int.TryParse(countText, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            || !int.TryParse(batchText, NumberStyles.None, CultureInfo.InvariantCulture, out int batch))
        {
            Console.Error.WriteLine("metadata-reference EMPTY_FOLDER COUNT CREATES_A_TRANSACTION");
            return 2;
        }

        using var reference = new MetadataReference(Path.Combine(folder, "reference.db"));
        Tell("create", count, reference.Create(count, batch));
        Tell("find", count, reference.Find(count));
        Tell("list", count, reference.List(count));
        return 0;
    }

    /// <inheritdoc/>
    public void Dispose() => raw.sqlite3_close(_database);

    private static void Tell(string what, int count, TimeSpan time) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{what} {count / time.TotalSeconds:0} op/s"));

    private static byte[] Name(int number) => Encoding.ASCII.GetBytes(number.ToString("D8", CultureInfo.InvariantCulture));

    private TimeSpan Create(int count, int batch)
    {
        sqlite3_stmt entry = Prepare("INSERT INTO entries VALUES (?1, ?2, NULL, ?3, ?3, ?4, 0, 0, 2, NULL, NULL)");
        sqlite3_stmt operation = Prepare("INSERT INTO operations VALUES (?1, 1, ?2, ?3)");
        sqlite3_stmt begin = Prepare("BEGIN IMMEDIATE"), commit = Prepare("COMMIT");
        long start = Stopwatch.GetTimestamp();
        for (int number = 0; number < count;)
        {
            Step(begin);
            for (int end = Math.Min(count, number + batch); number < end; number++)
            {
                long now = DateTime.UtcNow.Ticks;
                raw.sqlite3_bind_int64(entry, 1, 1);
                raw.sqlite3_bind_blob(entry, 2, Name(number));
                raw.sqlite3_bind_int64(entry, 3, now);
                raw.sqlite3_bind_int64(entry, 4, Random.Shared.NextInt64());
                Step(entry);
                raw.sqlite3_bind_blob(operation, 1, Guid.CreateVersion7().ToByteArray(bigEndian: true));
                raw.sqlite3_bind_int64(operation, 2, now);
                raw.sqlite3_bind_blob(operation, 3, _answer);
                Step(operation);
            }

            Step(commit);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    private TimeSpan Find(int count)
    {
        sqlite3_stmt find = Prepare("SELECT * FROM entries WHERE parent = 1 AND name = ?1");
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            raw.sqlite3_bind_blob(find, 1, Name(i));
            if (raw.sqlite3_step(find) != raw.SQLITE_ROW)
            {
                throw new InvalidOperationException("A name is missing.");
            }

            Read(find);
            raw.sqlite3_reset(find);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    private TimeSpan List(int count)
    {
        sqlite3_stmt list = Prepare("SELECT * FROM entries WHERE parent = 1 ORDER BY name");
        long start = Stopwatch.GetTimestamp();
        int seen = 0;
        while (raw.sqlite3_step(list) == raw.SQLITE_ROW)
        {
            Read(list);
            seen++;
        }

        return seen == count ? Stopwatch.GetElapsedTime(start) : throw new InvalidOperationException("Names are missing.");
    }

    /// <summary>What a reader needs of a row.</summary>
    private static (string Name, long Created, long Version) Read(sqlite3_stmt row) =>
        (Encoding.UTF8.GetString(raw.sqlite3_column_blob(row, 1)), raw.sqlite3_column_int64(row, 3), raw.sqlite3_column_int64(row, 5));

    private sqlite3_stmt Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_database, sql, out sqlite3_stmt statement));
        return statement;
    }

    private void Step(sqlite3_stmt statement)
    {
        if (raw.sqlite3_step(statement) != raw.SQLITE_DONE)
        {
            throw new InvalidOperationException(raw.sqlite3_errmsg(_database).utf8_to_string());
        }

        raw.sqlite3_reset(statement);
    }

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK)
        {
            throw new InvalidOperationException(_database is null ? $"SQLite says {result}." : raw.sqlite3_errmsg(_database).utf8_to_string());
        }
    }
}

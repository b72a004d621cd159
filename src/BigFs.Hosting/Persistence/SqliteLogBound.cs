using BigFs.Hosting.Persistence.Sqlite;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Keeps the write-ahead log bounded under constant reading. SQLite starts the log over only at a moment when nobody reads;
/// where readers overlap there is none, however short each is. So past a length the writer makes that moment: new readers
/// wait until those under way have ended, a page each, and the log, written into the database long since but for its end, is
/// cut. For the writer alone.
/// </summary>
internal sealed class SqliteLogBound(SqliteDatabase database, SqliteReaderPool readers, long mostBytes)
{
    private const int TransactionsPerLook = 32;

    private int _transactions;

    /// <summary>After each transaction.</summary>
    public async ValueTask AfterTransactionAsync()
    {
        if (++_transactions % TransactionsPerLook == 0 && database.LogBytes > mostBytes)
        {
            await readers.WithoutReadersAsync(database.CutLog).ConfigureAwait(false);
        }
    }
}

using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Persistence;

/// <summary>What <see cref="SqlitePurge"/> and <see cref="SqliteTotals"/> have to do, as steps of a loop.</summary>
internal static class SqliteMaintenance
{
    /// <summary>The loop; not yet started.</summary>
    public static MaintenanceLoop Loop(
        SqliteWriteQueue queue,
        SqliteReaderPool readers,
        SqlitePurge purge,
        SqliteTotals totals,
        TimeProvider time,
        ILogger logger)
    {
        return new MaintenanceLoop(
            [stop => queue.RunAsync(purge.Prune, stop), stop => queue.RunAsync(purge.Step, stop), AddUpAsync], time, logger);

        async ValueTask<bool> AddUpAsync(CancellationToken stop)
        {
            if (await readers.ReadAsync(SqliteTotals.Read, stop).ConfigureAwait(false) is not { } step)
            {
                return false;
            }

            await queue.RunAsync(() => totals.Note(step.Job, step.From, step.Part), stop).ConfigureAwait(false);
            return true;
        }
    }
}

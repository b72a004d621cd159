using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.PostgreSql;

/// <summary>What <see cref="PostgresPurge"/> and <see cref="PostgresTotals"/> have to do, as steps of a loop.</summary>
internal static class PostgresMaintenance
{
    /// <summary>The loop; not yet started.</summary>
    public static MaintenanceLoop Loop(
        PostgresWriteQueue queue,
        PostgresReads reads,
        PostgresPurge purge,
        PostgresTotals totals,
        TimeProvider time,
        ILogger logger)
    {
        return new MaintenanceLoop(
            [
                stop => queue.RunAsync(PostgresNeeds.Alone, PostgresPurge.PruneAsync, stop),
                stop => queue.RunAsync(PostgresNeeds.Alone, purge.StepAsync, stop),
                AddUpAsync,
            ],
            time,
            logger);

        async ValueTask<bool> AddUpAsync(CancellationToken stop)
        {
            if (await reads.ReadAsync(PostgresTotals.ReadAsync, stop).ConfigureAwait(false) is not { } step)
            {
                return false;
            }

            await queue.RunAsync(
                PostgresNeeds.Alone,
                transaction => totals.NoteAsync(transaction, step.Job, step.From, step.Part),
                stop).ConfigureAwait(false);
            return true;
        }
    }
}

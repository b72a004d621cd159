using BigFs.Core.Metadata;
using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>
/// Adds up what lies below directories: reads a part beside the writer, then notes sum and place in one small write. The
/// note counts only from the place that the part was read at, so that a part is never counted twice, whichever server
/// read it.
/// </summary>
internal sealed class PostgresTotals(TimeSpan retention, Action wake)
{
    private const int EntriesPerStep = 4096;

    // A small directory is counted where it is asked for.
    private const int EntriesAtOnce = 256;

    /// <summary><see cref="IMetadataStore.StartTotalsAsync"/>, inside the writer's transaction.</summary>
    public async ValueTask<MetadataJob> StartAsync(PostgresTransaction transaction, Guid operation, BigFsPath path)
    {
        if (await PostgresJobs.FindAsync(transaction.Connection, operation).ConfigureAwait(false) is { } first)
        {
            return first.Job.Kind == MetadataJobKind.Totals ? first.Job : throw MetadataErrors.OperationReused(operation);
        }

        PostgresResolved found = await transaction.ResolveAsync(path).ConfigureAwait(false);
        if (found.FileAbove is { } file)
        {
            throw MetadataErrors.NotDirectory(path, file);
        }

        PostgresEntryRow row = found.Entry ?? throw MetadataErrors.NotFound(path);
        Part part = row.Id is { } directory
            ? await CountAsync(transaction.Connection, directory, "", EntriesAtOnce, CancellationToken.None).ConfigureAwait(false)
            : new Part(Add(default, row), "", IsLast: true);
        PostgresJob job = PostgresJobs.New(operation, MetadataJobKind.Totals, row.Id ?? 0, path, transaction.Now);
        job = job with
        {
            Job = job.Job with
            {
                Totals = part.Totals,
                State = part.IsLast ? MetadataJobState.Done : MetadataJobState.Running,
            },
            Place = part.Place,
            KeepUntil = part.IsLast ? transaction.Now + retention.Ticks : long.MaxValue,
        };
        transaction.AddJob(job);
        if (!part.IsLast)
        {
            wake();
        }

        return job.Job;
    }

    /// <summary>What one step reads; null when nothing is to do.</summary>
    public static async Task<(Guid Job, string From, Part Part)?> ReadAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        PostgresJob? next =
            await PostgresJobs.RunningAsync(connection, MetadataJobKind.Totals, cancellationToken).ConfigureAwait(false);
        return next is null
            ? null
            : (next.Job.Id, next.Place, await CountAsync(connection, next.Directory, next.Place, EntriesPerStep, cancellationToken)
                .ConfigureAwait(false));
    }

    /// <summary>Notes what one step read, inside the writer's transaction.</summary>
    public async ValueTask<bool> NoteAsync(PostgresTransaction transaction, Guid job, string from, Part part)
    {
        if (!await PostgresJobs.AdvanceAsync(transaction, job, part.Totals, from, part.Place).ConfigureAwait(false))
        {
            return false;
        }

        if (part.IsLast)
        {
            await PostgresJobs.EndAsync(transaction, job, MetadataJobState.Done, retention).ConfigureAwait(false);
        }
        else
        {
            wake();
        }

        return true;
    }

    /// <summary><see cref="IMetadataStore.CancelJobAsync"/>, inside the writer's transaction.</summary>
    public async ValueTask<bool> CancelAsync(PostgresTransaction transaction, Guid id)
    {
        PostgresJob? job = await PostgresJobs.FindAsync(transaction.Connection, id).ConfigureAwait(false);
        return job?.Job switch
        {
            null => false,
            { Kind: MetadataJobKind.Delete, State: MetadataJobState.Running } => throw MetadataErrors.DeletionStays(id),
            _ => await PostgresJobs.EndAsync(transaction, id, MetadataJobState.Cancelled, retention).ConfigureAwait(false),
        };
    }

    private static async Task<Part> CountAsync(
        NpgsqlConnection connection, long directory, string from, int most, CancellationToken cancellationToken)
    {
        MetadataTotals totals = default;
        string place = from;
        int left = most;
        bool isLast = await PostgresTreeWalk.RunAsync(
            connection,
            directory,
            "",
            from,
            (row, relative) =>
            {
                if (left-- == 0)
                {
                    return false;
                }

                totals = Add(totals, row);
                place = relative;
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        return new Part(totals, place, isLast);
    }

    private static MetadataTotals Add(MetadataTotals totals, PostgresEntryRow row) => row.IsDirectory
        ? totals with { Directories = totals.Directories + 1 }
        : totals.WithFile(row.Size, row.Replicas, row.IsInline);

    /// <summary>What a step counted, how far it got, and whether that is all.</summary>
    internal readonly record struct Part(MetadataTotals Totals, string Place, bool IsLast);
}

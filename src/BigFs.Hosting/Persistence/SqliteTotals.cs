using BigFs.Core.Metadata;

namespace BigFs.Hosting.Persistence;

/// <summary>
/// Adds up what lies below directories: reads a part beside the writer, then notes sum and place in one small write. The
/// note counts only from the place that the part was read at, so that a part is never counted twice.
/// </summary>
internal sealed class SqliteTotals(SqliteEntryReader reader, SqliteJobs jobs, SqliteMetadataClock clock, Action wake)
{
    private const int EntriesPerStep = 4096;

    // A small directory is counted where it is asked for.
    private const int EntriesAtOnce = 256;

    /// <summary><see cref="IMetadataStore.StartTotalsAsync"/>, inside the writer's transaction.</summary>
    public MetadataJob Start(Guid operation, BigFsPath path)
    {
        if (jobs.Find(operation) is { } first)
        {
            return first.Job.Kind == MetadataJobKind.Totals ? first.Job : throw MetadataErrors.OperationReused(operation);
        }

        SqliteResolved found = reader.Resolve(path, withManifest: false);
        if (found.FileAbove is { } file)
        {
            throw MetadataErrors.NotDirectory(path, file);
        }

        SqliteEntryRow row = found.Entry ?? throw MetadataErrors.NotFound(path);
        long now = clock.Now();
        jobs.Add(operation, MetadataJobKind.Totals, row.Id ?? 0, path, now);
        Part part = row.Id is { } directory
            ? Count(reader, directory, "", EntriesAtOnce)
            : new Part(Add(default, row), "", IsLast: true);
        Note(operation, "", part);
        return jobs.Find(operation)!.Job;
    }

    /// <summary>What one step reads; null when nothing is to do.</summary>
    public static (Guid Job, string From, Part Part)? Read(SqliteEntryReader reader) =>
        reader.Jobs.Running(MetadataJobKind.Totals) is { } next
            ? (next.Job.Id, next.Place, Count(reader, next.Directory, next.Place, EntriesPerStep))
            : null;

    /// <summary>Notes what one step read, inside the writer's transaction.</summary>
    public bool Note(Guid job, string from, Part part)
    {
        long now = clock.Now();
        if (!jobs.Advance(job, part.Totals, from, part.Place, now))
        {
            return false;
        }

        if (part.IsLast)
        {
            jobs.End(job, MetadataJobState.Done, now);
        }
        else
        {
            wake();
        }

        return true;
    }

    /// <summary><see cref="IMetadataStore.CancelJobAsync"/>, inside the writer's transaction.</summary>
    public bool Cancel(Guid id) => jobs.Find(id)?.Job switch
    {
        null => false,
        { Kind: MetadataJobKind.Delete, State: MetadataJobState.Running } => throw MetadataErrors.DeletionStays(id),
        _ => jobs.End(id, MetadataJobState.Cancelled, clock.Now()),
    };

    private static Part Count(SqliteEntryReader reader, long directory, string from, int most)
    {
        MetadataTotals totals = default;
        string place = from;
        int left = most;
        bool isLast = SqliteTreeWalk.Run(reader, directory, "", from, (row, relative) =>
        {
            if (left-- == 0)
            {
                return false;
            }

            totals = Add(totals, row);
            place = relative;
            return true;
        });
        return new Part(totals, place, isLast);
    }

    private static MetadataTotals Add(MetadataTotals totals, SqliteEntryRow row) => row.IsDirectory
        ? totals with { Directories = totals.Directories + 1 }
        : totals.WithFile(row.Size, row.Replicas, row.IsInline);

    /// <summary>What a step counted, how far it got, and whether that is all.</summary>
    internal readonly record struct Part(MetadataTotals Totals, string Place, bool IsLast);
}

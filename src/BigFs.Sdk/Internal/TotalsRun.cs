using BigFs.Core.Metadata;

namespace BigFs.Internal;

/// <summary>Has a directory added up, and waits for that.</summary>
internal static class TotalsRun
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>Runs the job; a caller that gives up ends it.</summary>
    /// <exception cref="BigFsException">NotFound, NotDirectory, Unavailable (the job was lost, or failed).</exception>
    public static async Task<BigFsTotals> RunAsync(
        ClientContext context, BigFsPath path, IProgress<BigFsTotals>? progress, CancellationToken cancellationToken)
    {
        var operation = Guid.NewGuid();
        MetadataJob job = await context.Control.RunAsync(
            path, (server, token) => server.StartTotalsAsync(operation, path, token), cancellationToken).ConfigureAwait(false);
        TimeSpan pause = FirstPause;
        try
        {
            while (job.State == MetadataJobState.Running)
            {
                progress?.Report(Totals(job));
                await Task.Delay(pause, context.Time, cancellationToken).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
                job = await context.Control.RunAsync(
                    path, (server, token) => server.FindJobAsync(operation, token), cancellationToken).ConfigureAwait(false)
                    ?? throw Lost(path, "it is not known any more");
            }
        }
        catch (OperationCanceledException)
        {
            await CancelAsync(context, operation).ConfigureAwait(false);
            throw;
        }

        return job.State == MetadataJobState.Done
            ? Totals(job)
            : throw Lost(path, job.Problem ?? (job.State == MetadataJobState.Cancelled ? "somebody ended it" : "it failed"));
    }

    // A hint: a job that goes on ends by itself and is forgotten.
    private static async Task CancelAsync(ClientContext context, Guid operation)
    {
        try
        {
            await context.FileServer.CancelJobAsync(operation, context.Stopping).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is BigFsException or OperationCanceledException)
        {
            // The caller has given up, whatever becomes of it.
        }
    }

    private static BigFsTotals Totals(MetadataJob job) => new()
    {
        Files = job.Totals.Files,
        Directories = job.Totals.Directories,
        Bytes = job.Totals.Bytes,
        PhysicalBytes = job.Totals.PhysicalBytes,
    };

    private static BigFsException Lost(BigFsPath path, string why) =>
        new(BigFsErrorCode.Unavailable, $"\"{path}\" was not added up: {why}.") { Path = path.ToString() };
}

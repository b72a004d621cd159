namespace BigFs.Internal.Download;

/// <summary>Downloads a whole file into a stream, in order.</summary>
internal static class StreamDownload
{
    /// <summary>Runs the download; exceptions of the destination pass through as they are.</summary>
    public static async Task<BigFsFile> RunAsync(
        ClientContext context, BigFsPath path, Stream destination, DownloadOptions? options, CancellationToken cancellationToken)
    {
        options ??= new DownloadOptions();
        OptionChecks.Within(path, nameof(options.Concurrency), options.Concurrency, 1, OptionChecks.MaxConcurrency);
        var progress = new MonotonicProgress(options.Progress);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, context.Stopping);
        ChunkReader reader = await ChunkReader.OpenAsync(context, path, options, all.Token).ConfigureAwait(false);
        ReadLease lease = reader.KeepFor(reader);
        await using var _ = lease.ConfigureAwait(false);
        var ahead = new ReadAhead(reader, options.Concurrency, position: 0, window: null, all.Token);
        await using (ahead.ConfigureAwait(false))
        {
            while (await ahead.NextAsync(all.Token).ConfigureAwait(false) is { } piece)
            {
                try
                {
                    await destination.WriteAsync(piece.Data, all.Token).OrAbandon(all.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    ahead.ForgetCurrent();
                    throw;
                }

                progress.Add(piece.Length);
            }
        }

        return reader.Map.File;
    }
}

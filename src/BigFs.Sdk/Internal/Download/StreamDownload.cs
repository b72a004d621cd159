using BigFs.Core.Control;

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
        if (ChunkReader.TryRemember(context, path, options, out OpenedFile? known))
        {
            ChunkReader? opened = await GuessAsync(context, known, destination, progress, all.Token).ConfigureAwait(false);
            return opened is null
                ? known.File
                : await ReadAsync(opened, destination, options, progress, all.Token).ConfigureAwait(false);
        }

        ChunkReader reader = await ChunkReader.OpenAsync(context, path, options, all.Token).ConfigureAwait(false);
        return await ReadAsync(reader, destination, options, progress, all.Token).ConfigureAwait(false);
    }

    private static async Task<BigFsFile> ReadAsync(
        ChunkReader reader, Stream destination, DownloadOptions options, MonotonicProgress progress, CancellationToken cancellationToken)
    {
        ReadLease lease = reader.KeepFor(reader);
        await using var _ = lease.ConfigureAwait(false);
        var ahead = new ReadAhead(reader, options.Concurrency, position: 0, window: null, cancellationToken);
        await using (ahead.ConfigureAwait(false))
        {
            while (await ahead.NextAsync(cancellationToken).ConfigureAwait(false) is { } piece)
            {
                try
                {
                    await destination.WriteAsync(piece.Data, cancellationToken).OrAbandon(cancellationToken).ConfigureAwait(false);
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

    /// <summary>
    /// Reads a small file as it was opened before while the file server is asked about it, and hands it over when it still is
    /// that: both ways at once, where an open and a read would follow each other.
    /// </summary>
    /// <returns>The opened file when it is to be read as usual: another one stands there, or the guess did not come.</returns>
    private static async Task<ChunkReader?> GuessAsync(
        ClientContext context, OpenedFile known, Stream destination, MonotonicProgress progress, CancellationToken cancellationToken)
    {
        Task<ChunkReader> asking = ChunkReader.OpenAgainAsync(context, known, cancellationToken);
        GuessedRead? guess = GuessedRead.Begin(context, known);
        bool isInUse = false;
        try
        {
            ChunkReader opened = await asking.ConfigureAwait(false);
            if (guess is null || !ReferenceEquals(opened.Map.File, known.File) || !await guess.CameAsync(cancellationToken).ConfigureAwait(false))
            {
                return opened;
            }

            isInUse = true;
            await destination.WriteAsync(guess.Data, cancellationToken).OrAbandon(cancellationToken).ConfigureAwait(false);
            isInUse = false;
            progress.Add(guess.Data.Length);
            return null;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // The destination's write has ended, if it had begun.
            isInUse = false;
            throw;
        }
        finally
        {
            // An abandoned write may still read the memory: then it is never used again.
            if (!isInUse)
            {
                guess?.End();
            }
        }
    }
}

namespace BigFs.Internal.Upload;

/// <summary>Uploads a stream, from its current position to its end.</summary>
internal static class StreamUpload
{
    /// <summary>Runs the upload; exceptions of the source pass through as they are.</summary>
    public static async Task<UploadResult> RunAsync(
        ClientContext context, UploadPlan plan, Stream source, CancellationToken cancellationToken)
    {
        long? length = source.CanSeek ? Math.Max(0, source.Length - source.Position) : null;
        ChunkUpload upload = await ChunkUpload
            .BeginAsync(context, plan, length, cancellationToken, cancellationToken).ConfigureAwait(false);
        await using (upload.ConfigureAwait(false))
        {
            try
            {
                await CopyAsync(upload, source, length).ConfigureAwait(false);
                return await upload.CommitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (upload.Stopped.IsCancellationRequested)
            {
                // Cancelled from inside, because a chunk failed: that is what the caller has to know.
                cancellationToken.ThrowIfCancellationRequested();
                upload.ThrowIfFailed();
                throw;
            }
        }
    }

    private static async Task CopyAsync(ChunkUpload upload, Stream source, long? length)
    {
        var cutter = new ChunkCutter(upload, length);
        while (true)
        {
            Memory<byte> room = await cutter.RoomAsync(upload.Stopped).ConfigureAwait(false);
            int count = await source.ReadAsync(room, upload.Stopped).OrAbandon(upload.Stopped).ConfigureAwait(false);
            if (count == 0)
            {
                cutter.End();
                return;
            }

            cutter.Advance(count);
        }
    }
}

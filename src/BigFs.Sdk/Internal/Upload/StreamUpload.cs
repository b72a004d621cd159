using System.Numerics;
using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>
/// Uploads a stream, from its current position to its end: as a small file when it ends where it is expected to and that is
/// within a chunk and 1 MiB, or, of unknown length, within the first 64 KiB; else chunk by chunk.
/// </summary>
internal static class StreamUpload
{
    /// <summary>How much of a stream of unknown length is read before it is taken for a large one.</summary>
    private const int FirstBytes = 64 << 10;

    /// <summary>Beyond this a session of its own costs nothing that shows, and its buffers are kept for the next: 1 MiB less one byte.</summary>
    private const int LargestSmallFile = LargeBuffers.LargestOfSharedPool - 1;

    /// <summary>Runs the upload; exceptions of the source pass through as they are.</summary>
    public static async Task<UploadResult> RunAsync(
        ClientContext context, UploadPlan plan, Stream source, CancellationToken cancellationToken)
    {
        long? length = source.CanSeek ? Math.Max(0, source.Length - source.Position) : null;
        if (plan.CheckedFirst || length > Math.Min(plan.ChunkSize, LargestSmallFile))
        {
            return await RunLargeAsync(context, plan, source, length, default, cancellationToken).ConfigureAwait(false);
        }

        // Without the byte that finds the end the buffer is as long as is read at once; in the metadata it all fits.
        int room = (int)(length ?? (plan.Inline ? Limits.MaxInlineBytes : FirstBytes - 1));
        bool inline = plan.Inline && room <= Limits.MaxInlineBytes;
        byte[] buffer = TransferBuffers.Allocate((int)BitOperations.RoundUpToPowerOf2((uint)room + 1));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, context.Stopping);

        // A cluster with too few nodes refuses before the content is touched.
        SmallFileGrants? grants = inline || length == 0
            ? null
            : await SmallFileGrants.EnterAsync(context, plan, stop.Token).ConfigureAwait(false);
        int count;
        try
        {
            // One byte more than expected: room for the read that finds the end.
            count = await FillAsync(source, buffer.AsMemory(0, room + 1), stop.Token).ConfigureAwait(false);
            if (count <= room)
            {
                UploadResult result = await RunSmallAsync(
                    context, plan, count == 0 ? null : grants, buffer.AsMemory(0, count), stop.Token, cancellationToken)
                    .ConfigureAwait(false);
                TransferBuffers.Release(buffer);
                return result;
            }
        }
        finally
        {
            grants?.Leave();
        }

        return await RunLargeAsync(
            context, plan, source, length: null, buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
    }

    private static async Task<UploadResult> RunSmallAsync(
        ClientContext context,
        UploadPlan plan,
        SmallFileGrants? grants,
        ReadOnlyMemory<byte> content,
        CancellationToken stop,
        CancellationToken cancellationToken)
    {
        try
        {
            return await new SmallUpload(context, plan, grants).RunAsync(content, stop, cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.SessionExpired && grants is not null && plan.Operation is null)
        {
            // Nothing stands, and the content is at hand: once more under a session of now.
            grants.NoteOver();
        }

        SmallFileGrants again = await SmallFileGrants.EnterAsync(context, plan, stop).ConfigureAwait(false);
        try
        {
            return await new SmallUpload(context, plan, again).RunAsync(content, stop, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            again.Leave();
        }
    }

    private static async Task<int> FillAsync(Stream source, Memory<byte> room, CancellationToken cancellationToken)
    {
        int filled = 0;
        while (filled < room.Length)
        {
            int count = await source.ReadAsync(room[filled..], cancellationToken)
                .OrAbandon(cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                break;
            }

            filled += count;
        }

        return filled;
    }

    private static async Task<UploadResult> RunLargeAsync(
        ClientContext context,
        UploadPlan plan,
        Stream source,
        long? length,
        ReadOnlyMemory<byte> begun,
        CancellationToken cancellationToken)
    {
        ChunkUpload upload = await ChunkUpload
            .BeginAsync(context, plan, length, cancellationToken, cancellationToken).ConfigureAwait(false);
        await using (upload.ConfigureAwait(false))
        {
            try
            {
                await CopyAsync(upload, source, length, begun).ConfigureAwait(false);
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

    private static async Task CopyAsync(ChunkUpload upload, Stream source, long? length, ReadOnlyMemory<byte> begun)
    {
        var cutter = new ChunkCutter(upload, length);
        while (!begun.IsEmpty)
        {
            Memory<byte> room = await cutter.RoomAsync(upload.Stopped).ConfigureAwait(false);
            int count = Math.Min(room.Length, begun.Length);
            begun[..count].CopyTo(room);
            begun = begun[count..];
            cutter.Advance(count);
        }

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

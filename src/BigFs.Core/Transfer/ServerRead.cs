using System.Buffers;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Answers one read: the checksums, then the covering blocks as they are on the disk. The asking side verifies; checking
/// here too would cost a second pass and prove nothing to it.
/// </summary>
internal sealed class ServerRead(ServerContext context, FrameConnection connection, ulong requestId, ReadRequest request)
{
    /// <returns>Whether another request may follow on the connection.</returns>
    public async Task<bool> RunAsync()
    {
        if (context.Disallow(request.Capability.AsSpan(), request.ToUse(), connection.Peer) is { } refusal)
        {
            await connection.SendErrorAsync(requestId, refusal);
            return true;
        }

        (ChunkStatus status, StoredChunk? chunk) =
            await context.Store.OpenAsync(request.Volume, request.Key, context.Aborting);
        if (chunk is null)
        {
            await RefuseAsync(
                status, $"Node {context.Store.Node} has no chunk {request.Key} of volume {request.Volume}: {status}.");
            return true;
        }

        await using (chunk)
        {
            if (request.Offset + (long)request.Length > chunk.Length)
            {
                await RefuseAsync(ChunkStatus.Malformed, $"Chunk {request.Key} ends before the range that is asked for.");
                return true;
            }

            var message = new byte[sizeof(uint) * (1 + chunk.BlockChecksums.Length)];
            int length = ReadAnswer.Encode(chunk.Length, chunk.BlockChecksums.Span, message);
            await connection.SendAsync(FrameType.Reading, requestId, message.AsMemory(0, length));
            return await SendBlocksAsync(chunk);
        }
    }

    /// <summary>Reads a piece while the one before it is being sent.</summary>
    private async Task<bool> SendBlocksAsync(StoredChunk chunk)
    {
        (int start, int end) = BlockRange.Cover(request.Offset, request.Length, chunk.Length);
        byte[] filling = ArrayPool<byte>.Shared.Rent(Math.Min(FrameHeader.MaxData, end - start));
        byte[] leaving = end - start > FrameHeader.MaxData ? ArrayPool<byte>.Shared.Rent(FrameHeader.MaxData) : [];
        Task sending = Task.CompletedTask;
        try
        {
            while (start < end)
            {
                Memory<byte> piece = filling.AsMemory(0, Math.Min(FrameHeader.MaxData, end - start));
                ChunkStatus status = await chunk.ReadAsync(start, piece, context.Aborting);
                await sending;
                if (status != ChunkStatus.Ok)
                {
                    await RefuseAsync(status, $"Node {context.Store.Node} cannot read chunk {request.Key}: {status}.");
                    return true;
                }

                sending = connection.SendAsync(FrameType.Data, requestId, piece).AsTask();
                start += piece.Length;
                (filling, leaving) = (leaving, filling);
            }

            await sending;
            return true;
        }
        finally
        {
            // The buffers are the socket's until its send has ended, however it ended.
            await sending.Settled();
            Return(filling);
            Return(leaving);
        }
    }

    private static void Return(byte[] buffer)
    {
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ValueTask RefuseAsync(ChunkStatus status, string text) =>
        connection.SendErrorAsync(requestId, context.ErrorHere(status, text));
}

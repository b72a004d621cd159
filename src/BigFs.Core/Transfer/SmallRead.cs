using System.Buffers;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Answers one read of a block or less on a multiplexed connection.</summary>
internal sealed class SmallRead(ServerContext context, MultiplexedSocket socket, ulong requestId, ReadRequest request)
{
    /// <summary>Runs to the answer.</summary>
    public async Task RunAsync()
    {
        if (context.Disallow(request.Capability.AsSpan(), request.ToUse(), socket.Peer) is { } refusal)
        {
            socket.PostError(requestId, refusal);
            return;
        }

        (ChunkStatus status, StoredChunk? chunk) =
            await context.Store.OpenAsync(request.Volume, request.Key, context.Aborting);
        if (chunk is null)
        {
            Refuse(status, $"Node {context.Store.Node} has no chunk {request.Key} of volume {request.Volume}: {status}.");
            return;
        }

        await using (chunk)
        {
            (int start, int end) = BlockRange.Cover(request.Offset, request.Length, chunk.Length);
            if (request.Offset + (long)request.Length > chunk.Length || end - start > FrameHeader.MaxSmallData)
            {
                Refuse(ChunkStatus.Malformed, $"Chunk {request.Key} ends before the range that is asked for, or it is more than a block.");
                return;
            }

            byte[] block = ArrayPool<byte>.Shared.Rent(Math.Max(1, end - start));
            try
            {
                Memory<byte> piece = block.AsMemory(0, end - start);
                status = piece.IsEmpty ? ChunkStatus.Ok : await chunk.ReadAsync(start, piece, context.Aborting);
                if (status != ChunkStatus.Ok)
                {
                    Refuse(status, $"Node {context.Store.Node} cannot read chunk {request.Key}: {status}.");
                    return;
                }

                context.Store.Traffic?.Read(piece.Length);
                Answer(chunk, piece.Span);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(block);
            }
        }
    }

    private void Answer(StoredChunk chunk, ReadOnlySpan<byte> blocks)
    {
        Span<byte> message = stackalloc byte[FrameHeader.MaxMessage];
        int length = ReadAnswer.Encode(chunk.Length, chunk.BlockChecksums.Span, message);
        socket.Post(FrameType.Reading, requestId, message[..length], blocks);
    }

    private void Refuse(ChunkStatus status, string text) =>
        socket.PostError(requestId, context.ErrorHere(status, text));
}

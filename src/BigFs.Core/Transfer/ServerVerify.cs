using System.Buffers;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Rereads a range of a chunk and answers what the chunk is, or that it is damaged; no byte of it travels.</summary>
internal sealed class ServerVerify(
    ServerContext context, BlockingConnection connection, ulong requestId, VerifyRequest request, Stall stall)
{
    private const int Piece = 4 * Limits.BlockSize;

    /// <summary>Runs to the answer; another request may follow on the connection.</summary>
    public void Run()
    {
        if (context.Disallow(request.Capability.AsSpan(), request.ToUse(), connection.Peer) is { } refusal)
        {
            connection.SendError(requestId, refusal, stall);
            return;
        }

        (ChunkStatus status, StoredChunk? chunk) =
            context.Store.OpenAsync(request.Volume, request.Key, context.Aborting).WaitHere();
        if (chunk is null)
        {
            Refuse(status);
            return;
        }

        try
        {
            status = request.Offset + (long)request.Length > chunk.Length ? ChunkStatus.Malformed : Reread(chunk);
            if (status != ChunkStatus.Ok)
            {
                Refuse(status);
                return;
            }

            Span<byte> message = stackalloc byte[VerifyAnswer.Bytes];
            var answer = new VerifyAnswer(chunk.Length, BlockChecksums.Combine(chunk.BlockChecksums.Span, chunk.Length));
            connection.Send(FrameType.Verified, requestId, message[..answer.Encode(message)], stall);
        }
        finally
        {
            chunk.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Reads and checks block by block, telling who asks now and then that it gets on.</summary>
    private ChunkStatus Reread(StoredChunk chunk)
    {
        int length = request.Length > 0 ? request.Length : chunk.Length - request.Offset;
        (int start, int end) = BlockRange.Cover(request.Offset, length, chunk.Length);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Piece);
        long toldAt = context.Time.GetTimestamp();
        try
        {
            for (; start < end; start += Piece)
            {
                Memory<byte> piece = buffer.AsMemory(0, Math.Min(Piece, end - start));
                ChunkStatus status = chunk.ReadAsync(start, piece, context.Aborting).WaitHere();
                if (status != ChunkStatus.Ok)
                {
                    return status;
                }

                uint[] read = BlockChecksums.Compute(piece.Span);
                if (!read.AsSpan().SequenceEqual(chunk.BlockChecksums.Span.Slice(start / Limits.BlockSize, read.Length)))
                {
                    return ChunkStatus.Damaged;
                }

                if (context.Time.GetElapsedTime(toldAt) >= context.Options.WaitingInterval)
                {
                    connection.Send(FrameType.Waiting, requestId, [], stall);
                    toldAt = context.Time.GetTimestamp();
                }
            }

            return ChunkStatus.Ok;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Refuse(ChunkStatus status) => connection.SendError(
        requestId,
        context.ErrorHere(status, $"Node {context.Store.Node} does not vouch for chunk {request.Key} of volume {request.Volume}: {status}."),
        stall);
}

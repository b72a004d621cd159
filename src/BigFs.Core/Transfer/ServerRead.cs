using System.Buffers;
using BigFs.Core.Storage;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Transfer;

/// <summary>
/// Answers one read: the checksums, then the covering blocks as they are on the disk, from the file's pages to the socket
/// without a copy where the system can. The asking side verifies; checking here too would cost a second pass and prove
/// nothing to it.
/// </summary>
internal sealed class ServerRead(
    ServerContext context, BlockingConnection connection, ulong requestId, ReadRequest request, Stall stall)
{
    /// <summary>Runs to the answer; another request may follow on the connection.</summary>
    public void Run()
    {
        if (context.Disallow(request.Capability.AsSpan(), request.ToUse(), connection.Peer) is { } refusal)
        {
            connection.SendError(requestId, refusal, stall);
            return;
        }

        (ChunkStatus status, StoredChunk? chunk) =
            Result(context.Store.OpenAsync(request.Volume, request.Key, context.Aborting));
        if (chunk is null)
        {
            Refuse(status, $"Node {context.Store.Node} has no chunk {request.Key} of volume {request.Volume}: {status}.");
            return;
        }

        try
        {
            if (request.Offset + (long)request.Length > chunk.Length)
            {
                Refuse(ChunkStatus.Malformed, $"Chunk {request.Key} ends before the range that is asked for.");
                return;
            }

            Span<byte> message = stackalloc byte[FrameHeader.MaxMessage];
            int length = ReadAnswer.Encode(chunk.Length, chunk.BlockChecksums.Span, message);
            connection.Send(FrameType.Reading, requestId, message[..length], stall, more: request.Length > 0);
            _ = SendBlocks(chunk);
        }
        finally
        {
            Result(Ended(chunk));
        }
    }

    /// <summary>Sends the blocks that the request's range touches, or the error in place of one.</summary>
    /// <returns>Whether all were sent.</returns>
    public bool SendBlocks(StoredChunk chunk)
    {
        (int start, int end) = BlockRange.Cover(request.Offset, request.Length, chunk.Length);
        context.Store.Traffic?.Read(end - start);
        bool fromPages = connection.SendsFiles && chunk.TryGetFile(out _, out _);
        byte[] buffer = fromPages ? [] : ArrayPool<byte>.Shared.Rent(Math.Min(FrameHeader.MaxData, end - start));
        try
        {
            while (start < end)
            {
                int length = Math.Min(FrameHeader.MaxData, end - start);
                ChunkStatus status = fromPages ? SendPages(chunk, start, length) : SendCopy(chunk, start, buffer.AsMemory(0, length));
                if (status != ChunkStatus.Ok)
                {
                    Refuse(status, $"Node {context.Store.Node} cannot read chunk {request.Key}: {status}.");
                    return false;
                }

                start += length;
            }

            return true;
        }
        finally
        {
            if (buffer.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    private ChunkStatus SendCopy(StoredChunk chunk, int start, Memory<byte> piece)
    {
        ChunkStatus status = Result(chunk.ReadAsync(start, piece, context.Aborting));
        if (status == ChunkStatus.Ok)
        {
            connection.SendDataHeader(requestId, piece.Length, stall);
            connection.SendAll(piece.Span, stall);
        }

        return status;
    }

    /// <summary>
    /// Sends a frame from the file. The first bytes are asked for before the header leaves, so that a disk that cannot read
    /// them is told in its place; one that fails later ends the connection.
    /// </summary>
    private ChunkStatus SendPages(StoredChunk chunk, int start, int length)
    {
        Span<byte> probe = stackalloc byte[1];
        if (!chunk.TryGetFile(out SafeFileHandle? file, out long offset))
        {
            return ChunkStatus.Busy;
        }

        try
        {
            if (RandomAccess.Read(file, probe, offset + start) != 1)
            {
                return ChunkStatus.DiskFailed;
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            return unreadable is ObjectDisposedException ? ChunkStatus.Busy : ChunkStatus.DiskFailed;
        }

        connection.SendDataHeader(requestId, length, stall);
        stall.Begin();
        for (int sent = 0; sent < length;)
        {
            int count;
            try
            {
                count = connection.SendSome(file, offset + start + sent, length - sent);
            }
            catch (Exception unreadable) when (unreadable is DiskException or ObjectDisposedException)
            {
                throw new TransferException(ChunkStatus.DiskFailed, unreadable.Message, null, unreadable);
            }

            stall.Note(count > 0, connection.Peer);
            sent += count;
        }

        return ChunkStatus.Ok;
    }

    private void Refuse(ChunkStatus status, string text) =>
        connection.SendError(requestId, context.ErrorHere(status, text), stall);

    private static async ValueTask<bool> Ended(StoredChunk chunk)
    {
        await chunk.DisposeAsync();
        return true;
    }

    /// <summary>The thread is this connection's own: it may wait for the store.</summary>
    private static T Result<T>(ValueTask<T> work) => work.IsCompletedSuccessfully ? work.Result : work.AsTask().GetAwaiter().GetResult();
}

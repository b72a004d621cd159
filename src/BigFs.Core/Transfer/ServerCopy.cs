using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Streams a page of a volume, chunk after chunk without a question between them.</summary>
internal sealed class ServerCopy(
    ServerContext context, BlockingConnection connection, ulong requestId, CopyRequest request, Stall stall)
{
    /// <summary>Chunks that are listed at a time.</summary>
    private const int Listed = 256;

    private long _bytes;
    private ChunkKey _last = request.After;

    /// <summary>Runs to the answer; another request may follow on the connection.</summary>
    public void Run()
    {
        if (context.Disallow(request.Capability.AsSpan(), request.ToUse(), connection.Peer) is { } refusal)
        {
            connection.SendError(requestId, refusal, stall);
            return;
        }

        bool? hasMore = request.Keys.IsEmpty ? SendAll() : SendNamed();
        if (hasMore is { } more)
        {
            Span<byte> message = stackalloc byte[CopyAnswer.Bytes];
            connection.Send(
                FrameType.Copied, requestId, message[..new CopyAnswer(_last, more).Encode(message)], stall);
        }
    }

    /// <returns>Whether keys are left; null when an error was sent.</returns>
    private bool? SendNamed()
    {
        foreach (ChunkKey key in request.Keys)
        {
            if (_bytes >= request.MaxBytes)
            {
                return true;
            }

            if (!Send(key))
            {
                return null;
            }
        }

        return false;
    }

    /// <returns>Whether chunks are left; null when an error was sent.</returns>
    private bool? SendAll()
    {
        while (true)
        {
            (ChunkStatus status, ImmutableArray<StoredChunkInfo> page) =
                context.Store.ListChunksAsync(request.Volume, _last, Listed, context.Aborting).WaitHere();
            if (status != ChunkStatus.Ok)
            {
                connection.SendError(
                    requestId,
                    context.ErrorHere(status, $"Node {context.Store.Node} cannot list volume {request.Volume}: {status}."),
                    stall);
                return null;
            }

            foreach (StoredChunkInfo chunk in page)
            {
                if (_bytes >= request.MaxBytes)
                {
                    return true;
                }

                if (!Send(chunk.Key))
                {
                    return null;
                }
            }

            if (page.Length < Listed)
            {
                return false;
            }
        }
    }

    /// <summary>Sends one chunk, or that it is deleted, absent or damaged.</summary>
    /// <returns>False when an error was sent in place of its bytes.</returns>
    private bool Send(ChunkKey key)
    {
        (ChunkStatus status, StoredChunk? chunk) = context.Store.OpenAsync(request.Volume, key, context.Aborting).WaitHere();
        try
        {
            if (!CopiedChunk.MayHave(status))
            {
                connection.SendError(
                    requestId,
                    context.ErrorHere(status, $"Node {context.Store.Node} cannot copy from volume {request.Volume}: {status}."),
                    stall);
                return false;
            }

            uint crc32C = chunk is null ? 0 : BlockChecksums.Combine(chunk.BlockChecksums.Span, chunk.Length);
            var copied = new CopiedChunk(key, chunk?.Length ?? 0, crc32C, status);
            Span<byte> message = stackalloc byte[CopiedChunk.Bytes];
            connection.Send(FrameType.Copying, requestId, message[..copied.Encode(message)], stall, more: true);
            _last = key;
            _bytes += chunk?.Length ?? 0;
            if (chunk is null)
            {
                return true;
            }

            var whole = new ReadRequest(request.Volume, key, 0, chunk.Length, []);
            return new ServerRead(context, connection, requestId, whole, stall).SendBlocks(chunk);
        }
        finally
        {
            chunk?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}

using BigFs.Core.Chunking;
using BigFs.Internal;
using BigFs.Internal.Download;
using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Hosting.Gateway.Content;

/// <summary>Sends a range of a file: while a piece is on its way to the caller, the next is read.</summary>
internal sealed class RangeSender(
    PinnedFile file, IServerStreamWriter<ContentMessage<DownloadPart>> responses, StallLimit limit, LargeBuffers large)
{
    /// <summary>Pieces of one download: the one on its way to the caller and the next.</summary>
    private const int Pieces = 2;

    private uint _crc32C;

    /// <summary>Sends what the file is, its bytes and their checksum.</summary>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many; what lies behind the end of the file is not sent.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public async Task SendAsync(long offset, long length, CancellationToken cancellationToken)
    {
        long end = offset >= file.File.Size ? offset : Math.Min(file.File.Size - offset, length) + offset;
        await WriteAsync(ContentMessage<DownloadPart>.Of(new DownloadPart
        {
            Info = new DownloadInfo
            {
                Protocol = ContentMethods.Version,
                File = file.File.ToProto(),
                Offset = offset,
                Length = end - offset,
            },
        }));

        // A read that is under way when another step fails is waited for: its buffer is not to be given back before.
        using var buffers = new TransferBuffers(Pieces, large);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<Piece>? next = offset < end ? ReadAsync(buffers, offset, end, stop.Token) : null;
        try
        {
            while (next is not null)
            {
                Piece piece = await next;
                long following = piece.Start + piece.Length;
                next = following < end ? ReadAsync(buffers, following, end, stop.Token) : null;
                try
                {
                    await SendAsync(piece);
                }
                finally
                {
                    buffers.Return(piece.Buffer);
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            if (next is not null)
            {
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (next.IsCompletedSuccessfully)
                {
                    buffers.Return((await next).Buffer);
                }
            }
        }

        await WriteAsync(ContentMessage<DownloadPart>.Of(new DownloadPart { End = new DownloadEnd { Crc32C = _crc32C } }));
    }

    private async Task<Piece> ReadAsync(TransferBuffers buffers, long start, long end, CancellationToken cancellationToken)
    {
        int length = (int)Math.Min(Math.Min(end - start, ContentLimits.LargestPiece), file.LeftInChunk(start));

        // Long ones are all of one length, so that each can be used again. Free: the other piece's is the only one in use.
        byte[] buffer = await buffers.RentAsync(length > LargeBuffers.LargestOfSharedPool ? ContentLimits.LargestPiece : length, cancellationToken);

        // Given up when it fails: an abandoned read may still write into it.
        uint crc32C = await file.ReadAsync(start, buffer.AsMemory(0, length), cancellationToken);
        return new Piece(buffer, length, start, crc32C);
    }

    private async Task SendAsync(Piece piece)
    {
        // Of bytes as they were verified, whatever happens to them on their way from here on.
        _crc32C = Crc32C.Combine(_crc32C, piece.Crc32C, piece.Length);
        ReadOnlyMemory<byte> bytes = piece.Buffer.AsMemory(0, piece.Length);
        for (int sent = 0; sent < bytes.Length; sent += ContentMethods.MaxDataBytes)
        {
            await WriteAsync(ContentMessage<DownloadPart>.Of(bytes.Slice(sent, Math.Min(ContentMethods.MaxDataBytes, bytes.Length - sent))));
        }
    }

    private async Task WriteAsync(ContentMessage<DownloadPart> message)
    {
        limit.Restart();
        try
        {
            await responses.WriteAsync(message, limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            throw new BigFsException(BigFsErrorCode.TimedOut, $"The caller took nothing for {limit.Time.TotalSeconds:0.###} s.");
        }
        finally
        {
            limit.Pause();
        }
    }

    private readonly record struct Piece(byte[] Buffer, int Length, long Start, uint Crc32C);
}

using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Receives a page of a volume over one connection.</summary>
internal sealed class VolumeCopier(
    BlockingConnection connection, ulong requestId, Stall stall, VolumePage page, CancellationToken cancellationToken)
{
    private int _leftInFrame;
    private ChunkKey _last = page.After;

    /// <summary>Asks and hands over what comes.</summary>
    public Exchanged<VolumePageResult> Copy(ChunkBufferPool buffers, Func<StoredChunkInfo, ChunkBuffer?, bool> take)
    {
        connection.WakeEvery(stall.Interval);
        Span<byte> message = stackalloc byte[FrameHeader.MaxMessage];
        var request = new CopyRequest(page.Volume, page.After, page.MaxBytes, page.Keys, page.Capability);
        connection.Send(FrameType.CopyVolume, requestId, message[..request.Encode(message)], stall);
        ChunkStatus worst = ChunkStatus.Ok;
        while (true)
        {
            FrameHeader header = connection.ReceiveHeader(stall);
            ReadOnlySpan<byte> answer = connection.ReceiveMessage(header, stall);
            switch (header.Type)
            {
                case FrameType.Error:
                    ErrorAnswer error = Answers.Error(connection.Peer, header, requestId, answer);
                    return Ended(error.Status, error.Text, reusable: true);
                case FrameType.Copied when header.RequestId == requestId && CopyAnswer.Decode(answer) is { } end:
                    _last = end.Last;
                    return new Exchanged<VolumePageResult>(
                        new VolumePageResult { Status = worst, Last = end.Last, HasMore = end.HasMore }, true);
                case FrameType.Copying when header.RequestId == requestId && CopiedChunk.Decode(answer) is { } chunk
                    && IsWanted(chunk.Key):
                    (ChunkStatus status, bool goesOn) = Take(chunk, buffers, take);
                    worst = worst == ChunkStatus.Ok ? status : worst;
                    if (!goesOn)
                    {
                        return Ended(status, $"Chunk {chunk.Key} from {connection.Peer} was not taken: {status}.", reusable: false);
                    }

                    break;
                default:
                    throw Answers.Malformed(connection.Peer);
            }
        }
    }

    /// <summary>Whether a chunk of this key may come now: in order, and one of those named.</summary>
    private bool IsWanted(ChunkKey key) => page.Keys.IsEmpty
        ? key.CompareTo(_last) > 0
        : page.Keys.AsSpan().BinarySearch(key) >= 0 && (_last == page.After || key.CompareTo(_last) > 0);

    /// <returns>What is wrong with the chunk, and whether the next one may come.</returns>
    private (ChunkStatus Status, bool GoesOn) Take(
        CopiedChunk chunk, ChunkBufferPool buffers, Func<StoredChunkInfo, ChunkBuffer?, bool> take)
    {
        if (chunk.Status != ChunkStatus.Ok)
        {
            _last = chunk.Key;
            bool isMark = page.Keys.IsEmpty && chunk.Status == ChunkStatus.ChunkDeleted;
            bool goesOn = !isMark || take(new StoredChunkInfo(chunk.Key, 0, 0, Deleted: true), null);
            return (isMark ? ChunkStatus.Ok : chunk.Status, goesOn);
        }

        ChunkBuffer? buffer = buffers.RentAsync(chunk.Length, cancellationToken).WaitHere();
        try
        {
            Receive(buffer);
            if (BlockChecksums.Combine(buffer.Checksums.ToArray(), chunk.Length) != chunk.Crc32C)
            {
                return (ChunkStatus.Damaged, true);
            }

            _last = chunk.Key;
            ChunkBuffer taken = buffer;
            buffer = null;
            return take(new StoredChunkInfo(chunk.Key, chunk.Length, chunk.Crc32C, Deleted: false), taken)
                ? (ChunkStatus.Ok, true)
                : (ChunkStatus.Busy, false);
        }
        finally
        {
            buffer?.Dispose();
        }
    }

    /// <summary>Fills the buffer from data frames, wherever they are cut, and counts its checksums on the way.</summary>
    private void Receive(ChunkBuffer buffer)
    {
        Span<byte> destination = buffer.Payload.Span;
        while (!destination.IsEmpty)
        {
            if (_leftInFrame == 0)
            {
                FrameHeader header = connection.ReceiveHeader(stall);
                if (header.Type == FrameType.Error)
                {
                    ErrorAnswer error = Answers.Error(connection.Peer, header, requestId, connection.ReceiveMessage(header, stall));
                    throw new TransferException(error.Status, error.Text, error.Node);
                }

                _leftInFrame = header.Type == FrameType.Data && header.RequestId == requestId && header.Length > 0
                    ? header.Length
                    : throw Answers.Malformed(connection.Peer);
            }

            Span<byte> piece = destination[..Math.Min(_leftInFrame, destination.Length)];
            connection.ReceiveAll(piece, stall);
            buffer.Checksums.Append(piece);
            _leftInFrame -= piece.Length;
            destination = destination[piece.Length..];
        }

        if (_leftInFrame != 0)
        {
            throw Answers.Malformed(connection.Peer);
        }
    }

    private Exchanged<VolumePageResult> Ended(ChunkStatus status, string detail, bool reusable) =>
        new(new VolumePageResult { Status = status, Last = _last, HasMore = true, Detail = detail }, reusable);
}

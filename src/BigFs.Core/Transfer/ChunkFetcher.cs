using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Fetches a range of a chunk over one connection and verifies it on the way. Blocks; used once.</summary>
internal sealed class ChunkFetcher(BlockingConnection connection, ulong requestId, Stall stall)
{
    private int _leftInFrame;

    /// <summary>Why it failed, when the server said so.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>
    /// Asks and fills the destination. What fails leaves the connection unusable but for a server's error in place.
    /// </summary>
    public Exchanged<ChunkReadResult> Fetch(
        ChunkReference chunk, ImmutableArray<byte> capability, int offset, Memory<byte> destination)
    {
        connection.WakeEvery(stall.Interval);
        Span<byte> message = stackalloc byte[ReadRequest.MaxBytes];
        int length = new ReadRequest(chunk.Volume, chunk.Key, offset, destination.Length, capability).Encode(message);
        connection.Send(FrameType.Read, requestId, message[..length], stall);

        FrameHeader header = connection.ReceiveHeader(stall);
        ReadOnlySpan<byte> answer = connection.ReceiveMessage(header, stall);
        if (header.Type == FrameType.Error)
        {
            return Refused(header, answer);
        }

        if (header.Type != FrameType.Reading || header.RequestId != requestId
            || ReadAnswer.Decode(answer) is not { } reading)
        {
            throw Answers.Malformed(connection.Peer);
        }

        if (reading.ChunkLength != chunk.Length || !BlockRange.Vouches(reading.BlockChecksums, chunk))
        {
            return Damaged("length or block checksums are not those of the chunk's writer");
        }

        using var range = new VerifiedRange(chunk.Length, reading.BlockChecksums, offset, destination);
        while (range.Next(out _, out Memory<byte> piece))
        {
            ChunkStatus status = Fill(piece.Span);
            if (status != ChunkStatus.Ok)
            {
                // An error in place of a data frame ends the answer: the connection stands between two requests again.
                return new Exchanged<ChunkReadResult>(new ChunkReadResult(status), _leftInFrame == 0);
            }

            if (!range.Accept(piece))
            {
                return Damaged("a block does not match its checksum");
            }
        }

        return new Exchanged<ChunkReadResult>(new ChunkReadResult(ChunkStatus.Ok, range.Crc32C), _leftInFrame == 0);
    }

    /// <summary>Fills the destination from the data frames, wherever the server cut them.</summary>
    private ChunkStatus Fill(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (_leftInFrame == 0)
            {
                FrameHeader header = connection.ReceiveHeader(stall);
                if (header.Type == FrameType.Error)
                {
                    return Refused(header, connection.ReceiveMessage(header, stall)).Answer.Status;
                }

                if (header.Type != FrameType.Data || header.RequestId != requestId || header.Length == 0)
                {
                    throw Answers.Malformed(connection.Peer);
                }

                _leftInFrame = header.Length;
            }

            int length = Math.Min(_leftInFrame, destination.Length);
            connection.ReceiveAll(destination[..length], stall);
            _leftInFrame -= length;
            destination = destination[length..];
        }

        return ChunkStatus.Ok;
    }

    private Exchanged<ChunkReadResult> Refused(FrameHeader header, ReadOnlySpan<byte> message)
    {
        ErrorAnswer error = Answers.Error(connection.Peer, header, requestId, message);
        Detail = error.Text;
        return new Exchanged<ChunkReadResult>(new ChunkReadResult(error.Status), true);
    }

    private Exchanged<ChunkReadResult> Damaged(string what)
    {
        Detail = $"What {connection.Peer} sent is damaged: {what}.";
        return new Exchanged<ChunkReadResult>(new ChunkReadResult(ChunkStatus.Damaged), false);
    }
}

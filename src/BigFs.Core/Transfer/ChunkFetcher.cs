using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Fetches a range of a chunk over one connection and verifies it on the way.</summary>
internal sealed class ChunkFetcher(FrameConnection connection, ulong requestId)
{
    private int _leftInFrame;

    /// <summary>Why it failed, when the server said so.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>
    /// Asks and fills the destination. What fails leaves the connection unusable but for a server's error in place.
    /// </summary>
    public async Task<Exchanged<ChunkStatus>> FetchAsync(
        ChunkReference chunk, ImmutableArray<byte> capability, int offset, Memory<byte> destination)
    {
        var message = new byte[ReadRequest.MaxBytes];
        int length = new ReadRequest(chunk.Volume, chunk.Key, offset, destination.Length, capability).Encode(message);
        await connection.SendAsync(FrameType.Read, requestId, message.AsMemory(0, length));

        FrameHeader header = await connection.ReceiveHeaderAsync();
        ReadOnlyMemory<byte> answer = await connection.ReceiveMessageAsync(header);
        if (header.Type == FrameType.Error)
        {
            return Refused(header, answer.Span);
        }

        if (header.Type != FrameType.Reading || header.RequestId != requestId
            || ReadAnswer.Decode(answer.Span) is not { } reading)
        {
            throw Answers.Malformed(connection);
        }

        if (reading.ChunkLength != chunk.Length || !BlockRange.Vouches(reading.BlockChecksums, chunk))
        {
            return Damaged("length or block checksums are not those of the chunk's writer");
        }

        ChunkStatus status = await BlockRange.ReadAsync(
            chunk.Length, reading.BlockChecksums, offset, destination, (_, piece) => FillAsync(piece));
        if (status == ChunkStatus.Damaged && Detail.Length == 0)
        {
            return Damaged("a block does not match its checksum");
        }

        // An error in place of a data frame ends the answer, so the connection stands between two requests again.
        return new Exchanged<ChunkStatus>(status, _leftInFrame == 0);
    }

    /// <summary>Fills the destination from the data frames, wherever the server cut them.</summary>
    private async ValueTask<ChunkStatus> FillAsync(Memory<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (_leftInFrame == 0)
            {
                FrameHeader header = await connection.ReceiveHeaderAsync();
                if (header.Type == FrameType.Error)
                {
                    return Refused(header, (await connection.ReceiveMessageAsync(header)).Span).Answer;
                }

                if (header.Type != FrameType.Data || header.RequestId != requestId || header.Length == 0)
                {
                    throw Answers.Malformed(connection);
                }

                _leftInFrame = header.Length;
            }

            int length = Math.Min(_leftInFrame, destination.Length);
            await connection.ReceiveAsync(destination[..length]);
            _leftInFrame -= length;
            destination = destination[length..];
        }

        return ChunkStatus.Ok;
    }

    private Exchanged<ChunkStatus> Refused(FrameHeader header, ReadOnlySpan<byte> message)
    {
        ErrorAnswer error = Answers.Error(connection, header, requestId, message);
        Detail = error.Text;
        return new Exchanged<ChunkStatus>(error.Status, true);
    }

    private Exchanged<ChunkStatus> Damaged(string what)
    {
        Detail = $"What {connection.Peer} sent is damaged: {what}.";
        return new Exchanged<ChunkStatus>(ChunkStatus.Damaged, false);
    }
}

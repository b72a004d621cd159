using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Sends a chunk to one member of a pipeline and awaits its answer; a client and a relaying datanode alike.
/// </summary>
internal sealed class ChunkSender(TransferClient client)
{
    /// <summary>Sends the chunk to the member that the request is for.</summary>
    /// <returns>
    /// The acknowledgements of that member and all behind it, or the failure: at the node that an answer names, else at the
    /// member that this side's connection leads to.
    /// </returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<ChunkWriteResult> SendAsync(
        WriteRequest request, PayloadSource source, CancellationToken cancellationToken)
    {
        try
        {
            return await client.ExchangeAsync(
                request.Target.TransferEndpoint,
                (connection, id) => ExchangeAsync(connection, id, request, source),
                () => source.CanRepeat,
                cancellationToken);
        }
        catch (TransferException fault)
        {
            return Failure(fault.Status, fault.Node ?? request.Target.Id, fault.Message);
        }
    }

    /// <summary>A write that failed.</summary>
    public static ChunkWriteResult Failure(ChunkStatus status, NodeId node, string detail) =>
        new() { Status = status, FailedNode = node, Detail = detail };

    private async Task<Exchanged<ChunkWriteResult>> ExchangeAsync(
        FrameConnection connection, ulong id, WriteRequest request, PayloadSource source)
    {
        Task<ChunkWriteResult> answer = ReceiveAnswerAsync(connection, id, request);
        bool sentAll = false;
        try
        {
            sentAll = await SendPayloadAsync(connection, id, request, source, answer);
        }
        catch (Exception broken) when (broken is TransferException or OperationCanceledException)
        {
            // The receiving side ends too then, with the member's own reason if one came, else with the same break.
            connection.Watch.Arm(client.StallTimeout);
        }

        ChunkWriteResult result = await answer;
        return sentAll || result.Status != ChunkStatus.Ok
            ? new Exchanged<ChunkWriteResult>(result, sentAll)
            : throw Answers.Malformed(connection);
    }

    /// <returns>False when the answer came first: it is an error then, and the rest need not be sent.</returns>
    private async Task<bool> SendPayloadAsync(
        FrameConnection connection, ulong id, WriteRequest request, PayloadSource source, Task answer)
    {
        var message = new byte[FrameHeader.MaxMessage];
        await connection.SendAsync(FrameType.Write, id, message.AsMemory(0, request.Encode(message)));
        for (int sent = 0; sent < request.Length;)
        {
            if (source.Available == sent)
            {
                // The next move is the writer's in front of this node, and his connection is watched on its own.
                connection.Watch.Rest();
                await source.WaitBeyondAsync(sent, connection.Aborted);
                connection.Watch.Arm(client.StallTimeout);
            }

            if (answer.IsCompleted)
            {
                return false;
            }

            int length = Math.Min(source.Available - sent, FrameHeader.MaxData);
            await connection.SendAsync(FrameType.Data, id, source.Payload.Slice(sent, length));
            sent += length;
        }

        source.MarkSent();
        return true;
    }

    private static async Task<ChunkWriteResult> ReceiveAnswerAsync(
        FrameConnection connection, ulong id, WriteRequest request)
    {
        while (true)
        {
            FrameHeader header = await connection.ReceiveHeaderAsync();
            ReadOnlyMemory<byte> message = await connection.ReceiveMessageAsync(header);
            switch (header.Type)
            {
                case FrameType.Waiting when header.RequestId == id:
                    continue;
                case FrameType.Written when header.RequestId == id:
                    return Judge(WriteAnswer.Decode(message.Span), request)
                        ?? throw Answers.Malformed(connection);
                case FrameType.Error:
                    ErrorAnswer error = Answers.Error(connection, header, id, message.Span);
                    return Failure(error.Status, error.Node, error.Text);
                default:
                    throw Answers.Malformed(connection);
            }
        }
    }

    /// <summary>
    /// Accepts a line from each member asked, in order, with the writer's checksum; null when lines are missing or
    /// strange.
    /// </summary>
    private static ChunkWriteResult? Judge(ImmutableArray<ReplicaAcknowledgement>? answer, WriteRequest request)
    {
        ReadOnlySpan<NodeAddress> asked = request.Pipeline.AsSpan()[request.Position..];
        if (answer is not { } replicas || replicas.Length != asked.Length)
        {
            return null;
        }

        for (int i = 0; i < asked.Length; i++)
        {
            if (replicas[i].Node != asked[i].Id)
            {
                return null;
            }

            if (replicas[i].Crc32C != request.Crc32C)
            {
                return Failure(ChunkStatus.Damaged, asked[i].Id, $"Node {asked[i].Id} acknowledged another checksum.");
            }
        }

        return new ChunkWriteResult { Status = ChunkStatus.Ok, Replicas = replicas };
    }
}

using System.Net.Sockets;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Serves one connection, one request after the other, until the peer goes, errs or the server stops.
/// </summary>
internal sealed class ServerConnection(ServerContext context, Socket socket, string peer)
{
    /// <summary>Most input that is taken and forgotten so that a last answer is read: 1 MiB.</summary>
    private const int MaxLinger = 1 << 20;

    /// <summary>Runs to the connection's end; never throws.</summary>
    /// <param name="refuse">Whether the server has too many connections already: says so and closes.</param>
    public async Task RunAsync(bool refuse)
    {
        using var connection = new FrameConnection(socket, peer, context.Time);
        try
        {
            socket.NoDelay = true;
            using (connection.AbortOn(context.Aborting))
            {
                await ServeAsync(connection, refuse);
            }
        }
        catch (TransferException ended) when (ended.Status == ChunkStatus.Malformed)
        {
            TransferLog.ProtocolBroken(context.Logger, peer, ended.Message);
        }
        catch (Exception ended) when (ended is TransferException or SocketException
            || (ended is OperationCanceledException && context.Aborting.IsCancellationRequested))
        {
            TransferLog.ConnectionEnded(context.Logger, peer, ended.Message);
        }
        catch (Exception fault)
        {
            // The last door before the server's loop: one bad request must not end the others.
            TransferLog.RequestFailed(context.Logger, peer, fault);
        }
    }

    private async Task ServeAsync(FrameConnection connection, bool refuse)
    {
        bool welcome;
        using (connection.AbortOn(context.Stopping))
        {
            welcome = await GreetAsync(connection, refuse);
        }

        while (welcome)
        {
            welcome = await ServeRequestAsync(connection);
        }
    }

    /// <returns>Whether requests may follow.</returns>
    private async Task<bool> GreetAsync(FrameConnection connection, bool refuse)
    {
        connection.Watch.Arm(context.Options.HelloTimeout);
        Hello theirs = await connection.ReceiveHelloAsync();
        await connection.SendHelloAsync();
        bool common = Hello.Own.SharesVersionWith(theirs);
        if (common && !refuse)
        {
            return true;
        }

        if (common)
        {
            string text = $"Node {context.Store.Node} has too many connections.";
            await connection.SendErrorAsync(0, context.ErrorHere(ChunkStatus.Busy, text));
        }

        await connection.LingerAsync(MaxLinger);
        return false;
    }

    /// <returns>Whether another request may follow.</returns>
    private async Task<bool> ServeRequestAsync(FrameConnection connection)
    {
        ulong requestId = 0;
        try
        {
            FrameHeader? next;
            connection.Watch.Arm(context.Options.IdleTimeout);
            using (connection.AbortOn(context.Stopping))
            {
                next = await connection.ReceiveHeaderOrEndAsync();
            }

            if (next is not { } header)
            {
                return false;
            }

            requestId = header.RequestId;
            connection.Watch.Arm(context.Options.StallTimeout);
            return await ServeRequestAsync(connection, header);
        }
        catch (TransferException fault) when (fault.Status == ChunkStatus.Malformed)
        {
            TransferLog.ProtocolBroken(context.Logger, peer, fault.Message);
            await connection.SendErrorAsync(requestId, context.ErrorHere(ChunkStatus.Malformed, fault.Message));
            await connection.LingerAsync(MaxLinger);
            return false;
        }
    }

    private async Task<bool> ServeRequestAsync(FrameConnection connection, FrameHeader header)
    {
        ReadOnlyMemory<byte> message = await connection.ReceiveMessageAsync(header);
        switch (header.Type)
        {
            case FrameType.Write:
                WriteRequest write = WriteRequest.Decode(message.Span) ?? throw Malformed("a write request");
                return await new ServerWrite(context, connection, header.RequestId, write).RunAsync();
            case FrameType.Read:
                ReadRequest read = ReadRequest.Decode(message.Span) ?? throw Malformed("a read request");
                return await new ServerRead(context, connection, header.RequestId, read).RunAsync();
            default:
                throw Malformed($"a frame of type {(byte)header.Type}");
        }
    }

    private TransferException Malformed(string what) =>
        new(ChunkStatus.Malformed, $"{peer} sent {what} that is malformed, out of place or beyond a limit.");
}

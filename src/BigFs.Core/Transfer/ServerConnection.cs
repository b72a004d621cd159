using System.Net.Sockets;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Serves one connection on a thread of its own, one request after the other, until the peer goes, errs or the server
/// stops.
/// </summary>
internal sealed class ServerConnection(ServerContext context, Socket socket, string peer)
{
    /// <summary>Most input that is taken and forgotten so that a last answer is read: 1 MiB.</summary>
    private const int MaxLinger = 1 << 20;

    /// <summary>Runs to the connection's end, or to the end of the hellos of a multiplexed one; never throws.</summary>
    /// <param name="refuse">Whether the server has too many connections already: says so and closes.</param>
    /// <returns>Whether the connection is a multiplexed one: the socket is the caller's to serve then.</returns>
    public bool Run(bool refuse)
    {
        bool multiplexed = false;
        try
        {
            var connection = new BlockingConnection(socket, peer);
            using (connection.AbortOn(context.Aborting))
            {
                multiplexed = Serve(connection, refuse);
            }
        }
        catch (TransferException ended) when (ended.Status == ChunkStatus.Malformed)
        {
            TransferLog.ProtocolBroken(context.Logger, peer, ended.Message);
        }
        catch (Exception ended) when (ended is TransferException or SocketException or ObjectDisposedException
            || (ended is OperationCanceledException && context.Aborting.IsCancellationRequested))
        {
            TransferLog.ConnectionEnded(context.Logger, peer, ended.Message);
        }
        catch (Exception fault)
        {
            // The last door before the thread's end: one bad request must not end the others.
            TransferLog.RequestFailed(context.Logger, peer, fault);
        }
        finally
        {
            if (!multiplexed)
            {
                socket.Dispose();
            }
        }

        return multiplexed;
    }

    /// <returns>Whether the connection is a multiplexed one.</returns>
    private bool Serve(BlockingConnection connection, bool refuse)
    {
        bool welcome;
        bool multiplexed;
        using (connection.AbortOn(context.Stopping))
        {
            welcome = Greet(connection, refuse, out multiplexed);
        }

        while (welcome && !multiplexed)
        {
            welcome = ServeRequest(connection);
        }

        return welcome && multiplexed;
    }

    /// <returns>Whether requests may follow.</returns>
    private bool Greet(BlockingConnection connection, bool refuse, out bool multiplexed)
    {
        Stall stall = Stall.After(context.Options.HelloTimeout, context.Time);
        connection.WakeEvery(stall.Interval);
        Hello theirs = connection.ReceiveHello(stall);
        multiplexed = theirs.IsMultiplexed;
        connection.SendHello(multiplexed ? Hello.OwnMultiplexed : Hello.Own, stall);
        bool common = Hello.Own.SharesVersionWith(theirs);
        if (common && !refuse)
        {
            return true;
        }

        if (common)
        {
            string text = $"Node {context.Store.Node} has too many connections.";
            connection.SendError(0, context.ErrorHere(ChunkStatus.Busy, text), stall);
        }

        connection.Linger(MaxLinger, stall);
        return false;
    }

    /// <returns>Whether another request may follow.</returns>
    private bool ServeRequest(BlockingConnection connection)
    {
        ulong requestId = 0;
        Stall stall = context.StallOfPeer();
        try
        {
            FrameHeader? next;
            connection.WakeEvery(context.Options.IdleTimeout);
            using (connection.AbortOn(context.Stopping))
            {
                next = connection.ReceiveHeaderOrEnd(new Stall(context.Time, context.Options.IdleTimeout, context.Options.IdleTimeout));
            }

            if (next is not { } header)
            {
                return false;
            }

            requestId = header.RequestId;
            connection.WakeEvery(stall.Interval);
            return ServeRequest(connection, header, stall);
        }
        catch (TransferException fault) when (fault.Status == ChunkStatus.Malformed)
        {
            TransferLog.ProtocolBroken(context.Logger, peer, fault.Message);
            connection.SendError(requestId, context.ErrorHere(ChunkStatus.Malformed, fault.Message), stall);
            connection.Linger(MaxLinger, stall);
            return false;
        }
    }

    private bool ServeRequest(BlockingConnection connection, FrameHeader header, Stall stall)
    {
        ReadOnlySpan<byte> message = connection.ReceiveMessage(header, stall);
        switch (header.Type)
        {
            case FrameType.Write:
                WriteRequest write = WriteRequest.Decode(message) ?? throw Malformed("a write request");
                new ServerWrite(context, connection, header.RequestId, write).Run();
                return true;
            case FrameType.Read:
                ReadRequest read = ReadRequest.Decode(message) ?? throw Malformed("a read request");
                new ServerRead(context, connection, header.RequestId, read, stall).Run();
                return true;
            case FrameType.Verify:
                VerifyRequest verify = VerifyRequest.Decode(message) ?? throw Malformed("a verify request");
                new ServerVerify(context, connection, header.RequestId, verify, stall).Run();
                return true;
            case FrameType.CopyVolume:
                CopyRequest copy = CopyRequest.Decode(message) ?? throw Malformed("a copy request");
                new ServerCopy(context, connection, header.RequestId, copy, stall).Run();
                return true;
            default:
                throw Malformed($"a frame of type {(byte)header.Type}");
        }
    }

    private TransferException Malformed(string what) =>
        new(ChunkStatus.Malformed, $"{peer} sent {what} that is malformed, out of place or beyond a limit.");
}

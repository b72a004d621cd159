using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Brings one chunk to a member of a pipeline and awaits its answer: a client that has it whole, and a datanode that
/// passes it on as it arrives. Its calls block; used by one thread.
/// </summary>
/// <param name="client">Where connections come from.</param>
/// <param name="request">The request, for the member that is asked.</param>
/// <param name="stall">Gives up in time.</param>
/// <param name="cancellationToken">Gives the connection up.</param>
internal sealed class ChunkSender(
    TransferClient client, WriteRequest request, Stall stall, CancellationToken cancellationToken) : IDisposable
{
    private BlockingConnection? _connection;
    private CancellationTokenRegistration _abort;
    private ulong _id;
    private bool _pooled;
    private int _sent;
    private ChunkWriteResult? _answer;

    /// <summary>A write that failed.</summary>
    public static ChunkWriteResult Failure(ChunkStatus status, NodeId node, string detail) =>
        new() { Status = status, FailedNode = node, Detail = detail };

    /// <summary>Sends a whole chunk; a pooled connection that turns out dead is replaced once.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static ChunkWriteResult Send(
        TransferClient client, WriteRequest request, ReadOnlySpan<byte> payload, CancellationToken cancellationToken)
    {
        bool fresh = false;
        while (true)
        {
            using var sender = new ChunkSender(
                client, request, Stall.After(client.StallTimeout, client.Time), cancellationToken);
            try
            {
                sender.Begin(fresh);
                for (int sent = 0; sent < payload.Length && sender.TrySend(payload[sent..Math.Min(payload.Length, sent + FrameHeader.MaxData)]);)
                {
                    sent += FrameHeader.MaxData;
                }

                return sender.Finish();
            }
            catch (TransferException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (TransferException fault)
            {
                if (!sender.MayRepeat(fault) || fresh)
                {
                    return Failure(fault.Status, fault.Node ?? request.Target.Id, fault.Message);
                }

                fresh = true;
            }
        }
    }

    /// <summary>Connects and sends the request.</summary>
    /// <exception cref="TransferException">The member cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Begin(bool fresh = false)
    {
        (_connection, _pooled) = client.Take(request.Target.TransferEndpoint, fresh, cancellationToken);
        _connection.WakeEvery(stall.Interval);
        _abort = _connection.AbortOn(cancellationToken);
        _id = _connection.BeginExchange();
        Span<byte> message = stackalloc byte[FrameHeader.MaxMessage];

        // Not held back for the data: the member wakes and checks the request while they are on their way.
        _connection.Send(FrameType.Write, _id, message[..request.Encode(message)], stall);
    }

    /// <summary>The same; a pooled connection that turns out dead is replaced once.</summary>
    public void BeginPatiently()
    {
        try
        {
            Begin();
        }
        catch (TransferException fault) when (MayRepeat(fault))
        {
            Release(reusable: false);
            Begin(fresh: true);
        }
    }

    /// <summary>Sends the next bytes of the chunk, at most a data frame's.</summary>
    /// <returns>False when the answer came first: it is an error then, and the rest need not be sent.</returns>
    /// <exception cref="TransferException">The connection broke or stalled, or the answer is malformed.</exception>
    public bool TrySend(ReadOnlySpan<byte> piece)
    {
        if (_answer is null && _connection!.HasInput)
        {
            TakeAnswer();
        }

        if (_answer is not null)
        {
            return false;
        }

        int length = piece.Length;
        _connection!.SendDataHeader(_id, length, stall);
        stall.Begin();
        while (!piece.IsEmpty)
        {
            int sent = _connection.SendSome(piece);
            piece = piece[sent..];

            // A member that holds its writer back says so at intervals, which counts as a move.
            bool waiting = sent == 0 && _connection.HasInput;
            if (waiting)
            {
                TakeAnswer();
                if (_answer is not null)
                {
                    return false;
                }
            }

            stall.Note(sent > 0 || waiting, _connection.Peer);
        }

        // Only now: a connection with half a frame on it is of no more use.
        _sent += length;
        return true;
    }

    /// <summary>Awaits the answer and gives the connection back.</summary>
    /// <returns>
    /// The acknowledgements of that member and all behind it, or the failure: at the node that an answer names.
    /// </returns>
    /// <exception cref="TransferException">The connection broke or stalled, or the answer is malformed.</exception>
    public ChunkWriteResult Finish()
    {
        while (_answer is null)
        {
            TakeAnswer();
        }

        bool sentAll = _sent == request.Length;
        ChunkWriteResult answer = sentAll || _answer.Status != ChunkStatus.Ok ? _answer : throw Answers.Malformed(_connection!.Peer);
        Release(reusable: sentAll && !_connection!.IsAborted);
        return answer;
    }

    /// <summary>Spends a connection whose exchange did not end.</summary>
    public void Dispose() => Release(reusable: false);

    private bool MayRepeat(TransferException fault) =>
        fault.Status == ChunkStatus.Unreachable && _pooled && _connection is { Answered: false };

    private void Release(bool reusable)
    {
        _abort.Dispose();
        BlockingConnection? connection = _connection;
        _connection = null;
        if (reusable)
        {
            client.Return(connection!);
        }
        else
        {
            connection?.Dispose();
        }
    }

    /// <summary>Takes one frame of the answer: the answer itself, or word that it will take time.</summary>
    private void TakeAnswer()
    {
        FrameHeader header = _connection!.ReceiveHeader(stall);
        ReadOnlySpan<byte> message = _connection.ReceiveMessage(header, stall);
        switch (header.Type)
        {
            case FrameType.Waiting when header.RequestId == _id:
                break;
            case FrameType.Written when header.RequestId == _id:
                _answer = Judge(WriteAnswer.Decode(message), request) ?? throw Answers.Malformed(_connection.Peer);
                break;
            case FrameType.Error:
                ErrorAnswer error = Answers.Error(_connection.Peer, header, _id, message);
                _answer = Failure(error.Status, error.Node, error.Text);
                break;
            default:
                throw Answers.Malformed(_connection.Peer);
        }
    }

    /// <summary>
    /// Accepts a line from each member asked, in order, with the writer's checksum; null when lines are missing or
    /// strange.
    /// </summary>
    internal static ChunkWriteResult? Judge(ImmutableArray<ReplicaAcknowledgement>? answer, WriteRequest request)
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

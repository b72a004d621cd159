using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Threading;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Transfer;

/// <summary>
/// The data plane over TCP: chunks go to datanodes' <see cref="TransferServer"/>s and come from there, on pooled
/// connections that serve one request at a time. Thread-safe; construction connects to nobody.
/// </summary>
public sealed class TcpChunkTransport : IChunkTransport, IReplicaTransport
{
    private readonly TransferClient _client;
    private readonly MultiplexedClient _small;
    private readonly BlockingThreads _threads;
    private readonly ILogger _logger;

    /// <summary>Makes a transport.</summary>
    /// <param name="options">Time-outs and limits.</param>
    /// <param name="time">The clock of the time-outs.</param>
    /// <param name="logger">Takes what is worth noticing.</param>
    /// <exception cref="BigFsException">
    /// A setting is outside its range (<see cref="BigFsErrorCode.InvalidSettings"/>).
    /// </exception>
    public TcpChunkTransport(TransferClientOptions options, TimeProvider time, ILogger logger)
    {
        options.Validate();
        _client = new TransferClient(options, time, logger);
        _small = new MultiplexedClient(options, time, logger);
        _threads = new BlockingThreads("bigfs-transfer", options.MaxThreads);
        _logger = logger;
    }

    internal int IdleConnections => _client.IdleConnections + _small.IdleConnections;

    /// <inheritdoc/>
    public async ValueTask<ChunkWriteResult> WriteAsync(
        ChunkGrant grant, ReadOnlyMemory<byte> payload, uint crc32C, CancellationToken cancellationToken)
    {
        ChunkRules.CheckWrite(grant, payload);
        var request = new WriteRequest
        {
            Volume = grant.Volume,
            Epoch = grant.Epoch,
            Key = grant.Key,
            Length = payload.Length,
            Crc32C = crc32C,
            Pipeline = grant.Pipeline,
            Position = 0,
            Capability = grant.Capability,
        };
        ChunkWriteResult result = payload.Length <= FrameHeader.MaxSmallData
            ? await _small.WriteAsync(request, payload, null, cancellationToken)
            : await _threads.RunAsync(() => ChunkSender.Send(_client, request, payload.Span, cancellationToken));
        if (result.Status != ChunkStatus.Ok)
        {
            TransferLog.WriteFailed(_logger, grant.Key, grant.Volume, result.Status, result.FailedNode, result.Detail);
        }

        return result;
    }

    /// <inheritdoc/>
    public async ValueTask<ChunkReadResult> ReadAsync(
        NodeAddress node,
        ChunkReference chunk,
        ImmutableArray<byte> capability,
        int offset,
        Memory<byte> destination,
        CancellationToken cancellationToken)
    {
        ChunkRules.CheckRead(chunk, capability, offset, destination);
        ChunkReadResult result;
        string detail = "";
        try
        {
            (int start, int end) = BlockRange.Cover(offset, destination.Length, chunk.Length);
            if (end - start <= FrameHeader.MaxSmallData)
            {
                (ChunkStatus status, detail) = await _small.ReadAsync(
                    node.TransferEndpoint, chunk, capability, offset, destination, cancellationToken);
                result = new ChunkReadResult(status, status == ChunkStatus.Ok ? Crc32C.Compute(destination.Span) : 0);
            }
            else
            {
                (result, detail) = await _threads.RunAsync(
                    () => Fetch(node.TransferEndpoint, chunk, capability, offset, destination, cancellationToken));
            }
        }
        catch (TransferException fault)
        {
            (result, detail) = (new ChunkReadResult(fault.Status), fault.Message);
        }

        if (result.Status != ChunkStatus.Ok)
        {
            TransferLog.ReadFailed(_logger, chunk.Key, chunk.Volume, node.Id, result.Status, detail);
        }

        return result;
    }

    /// <inheritdoc/>
    public async ValueTask<VolumePageResult> CopyAsync(
        VolumePage page,
        ChunkBufferPool buffers,
        Func<StoredChunkInfo, ChunkBuffer?, bool> take,
        CancellationToken cancellationToken)
    {
        ChunkRules.CheckPage(page);
        VolumePageResult result;
        ChunkKey last = page.After;
        try
        {
            result = await _threads.RunAsync(() => _client.Exchange(
                page.Source.TransferEndpoint,
                (connection, id) => new VolumeCopier(
                    connection, id, Stall.After(_client.StallTimeout, _client.Time), page, cancellationToken).Copy(buffers, Take),
                cancellationToken));
        }
        catch (TransferException fault)
        {
            result = new VolumePageResult { Status = fault.Status, Last = last, HasMore = true, Detail = fault.Message };
        }

        if (result.Status != ChunkStatus.Ok)
        {
            TransferLog.CopyFailed(_logger, page.Volume, page.Source.Id, result.Status, result.Detail);
        }

        return result;

        bool Take(StoredChunkInfo chunk, ChunkBuffer? buffer)
        {
            last = chunk.Key;
            return take(chunk, buffer);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<(ChunkStatus Status, StoredChunkInfo Chunk)> VerifyAsync(
        NodeAddress node,
        VolumeId volume,
        ChunkKey key,
        (int Offset, int Length) range,
        ImmutableArray<byte> capability,
        CancellationToken cancellationToken)
    {
        var request = new VerifyRequest(volume, key, range.Offset, range.Length, capability);
        ChunkStatus status;
        StoredChunkInfo chunk = default;
        string detail = "";
        try
        {
            (status, chunk, detail) = await _threads.RunAsync(() => _client.Exchange(
                node.TransferEndpoint, (connection, id) => Verify(connection, id, request), cancellationToken));
        }
        catch (TransferException fault)
        {
            (status, detail) = (fault.Status, fault.Message);
        }

        if (status != ChunkStatus.Ok)
        {
            TransferLog.VerifyFailed(_logger, key, volume, node.Id, status, detail);
        }

        return (status, chunk);
    }

    /// <summary>Closes the idle connections; those of calls under way are closed when these end.</summary>
    public async ValueTask DisposeAsync()
    {
        await _small.DisposeAsync();
        await _client.DisposeAsync();
        _threads.End();
    }

    private (ChunkReadResult Result, string Detail) Fetch(
        string endpoint,
        ChunkReference chunk,
        ImmutableArray<byte> capability,
        int offset,
        Memory<byte> destination,
        CancellationToken cancellationToken)
    {
        string detail = "";
        ChunkReadResult result = _client.Exchange(
            endpoint,
            (connection, id) =>
            {
                var fetcher = new ChunkFetcher(connection, id, Stall.After(_client.StallTimeout, _client.Time));
                Exchanged<ChunkReadResult> fetched = fetcher.Fetch(chunk, capability, offset, destination);
                detail = fetcher.Detail;
                return fetched;
            },
            cancellationToken);
        return (result, detail);
    }

    private Exchanged<(ChunkStatus Status, StoredChunkInfo Chunk, string Detail)> Verify(
        BlockingConnection connection, ulong requestId, VerifyRequest request)
    {
        Stall stall = Stall.After(_client.StallTimeout, _client.Time);
        connection.WakeEvery(stall.Interval);
        Span<byte> message = stackalloc byte[VerifyRequest.MaxBytes];
        connection.Send(FrameType.Verify, requestId, message[..request.Encode(message)], stall);
        while (true)
        {
            FrameHeader header = connection.ReceiveHeader(stall);
            ReadOnlySpan<byte> answer = connection.ReceiveMessage(header, stall);
            switch (header.Type)
            {
                case FrameType.Waiting when header.RequestId == requestId:
                    continue;
                case FrameType.Verified when header.RequestId == requestId && VerifyAnswer.Decode(answer) is { } verified:
                    return new((ChunkStatus.Ok, new StoredChunkInfo(request.Key, verified.Length, verified.Crc32C, false), ""), true);
                case FrameType.Error:
                    ErrorAnswer error = Answers.Error(connection.Peer, header, requestId, answer);
                    return new((error.Status, default, error.Text), true);
                default:
                    throw Answers.Malformed(connection.Peer);
            }
        }
    }
}

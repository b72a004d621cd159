using System.Net.Security;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Transfer;

/// <summary>What all connections of one server share.</summary>
internal sealed record ServerContext(
    IChunkStore Store,
    CapabilityVerifier Capabilities,
    TransferServerOptions Options,
    TransferClient Relay,
    MultiplexedClient SmallRelay,
    TimeProvider Time,
    ILogger Logger)
{
    /// <summary>Fires when no new work is taken.</summary>
    public required CancellationToken Stopping { get; init; }

    /// <summary>Fires when the work in hand is cut off.</summary>
    public required CancellationToken Aborting { get; init; }

    /// <summary>How connections are encrypted; null when they are not.</summary>
    public SslServerAuthenticationOptions? Tls { get; init; }

    /// <summary>What moves on this server, so that who waits can tell headway from a hang.</summary>
    public Headway Headway { get; } = new();

    /// <summary>Gives a peer up that is silent for the stall time-out.</summary>
    public Stall StallOfPeer() => Stall.After(Options.StallTimeout, Time);

    /// <summary>Why a write is not taken, before anything is done for it; null when it is.</summary>
    public ErrorAnswer? Refuse(WriteRequest request, in ChunkAppend append, string peer)
    {
        NodeId here = Store.Node;
        if (request.Target.Id != here)
        {
            return new ErrorAnswer(
                ChunkStatus.Unreachable,
                request.Target.Id,
                $"Node {here} listens where node {request.Target.Id} was expected.");
        }

        if (Disallow(request.Capability.AsSpan(), request.ToUse(append.Members), peer) is { } refusal)
        {
            return refusal;
        }

        ChunkStatus status = Store.Check(append);
        return status == ChunkStatus.Ok ? null : Refusal(request, status);
    }

    /// <summary>
    /// Whether an appended chunk may be acknowledged now: under its own epoch still. A volume that is being fenced but has
    /// the epoch yet waits for this very acknowledgement.
    /// </summary>
    public ChunkStatus Confirm(in ChunkAppend append)
    {
        ChunkStatus status = Store.Check(append);
        return status == ChunkStatus.NotOpen ? ChunkStatus.Ok : status;
    }

    /// <summary>A write that the store does not take.</summary>
    public ErrorAnswer Refusal(WriteRequest request, ChunkStatus status) => ErrorHere(
        status, $"Node {Store.Node} did not take chunk {request.Key} into volume {request.Volume}: {status}.");

    /// <summary>A failure at this node.</summary>
    public ErrorAnswer ErrorHere(ChunkStatus status, string text) => new(status, Store.Node, text);

    /// <summary>
    /// The refusal of a request that its capability does not allow; null when it does. Asked before anything else is done
    /// for the request: no disk is touched and no memory taken for strangers.
    /// </summary>
    public ErrorAnswer? Disallow(ReadOnlySpan<byte> capability, in CapabilityUse use, string peer)
    {
        CapabilityRefusal refusal = Capabilities.Check(capability, use);
        if (refusal == CapabilityRefusal.None)
        {
            return null;
        }

        TransferLog.NotAllowed(Logger, peer, use.Operation, use.Volume, refusal);
        return ErrorHere(
            ChunkStatus.NotAllowed,
            $"Node {Store.Node} does not allow {use.Operation} in volume {use.Volume}: the capability is refused ({refusal}).");
    }
}

/// <summary>Counts what gets on. Thread-safe.</summary>
internal sealed class Headway
{
    private long _received;
    private long _appended;

    /// <summary>Appends that ended; what a flush that is waited for is measured by.</summary>
    public long Appended => Interlocked.Read(ref _appended);

    /// <summary>Appends that ended and data frames that came in; what the wait for a buffer is measured by.</summary>
    public long Total => Interlocked.Read(ref _received) + Appended;

    public void CountReceived() => Interlocked.Increment(ref _received);

    public void CountAppended() => Interlocked.Increment(ref _appended);
}

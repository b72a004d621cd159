using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;

namespace BigFs.Internal.Upload;

/// <summary>
/// Brings one chunk onto all its replicas: a failed try is reported and repeated elsewhere from the same buffer, until the
/// stall time-out has passed since the first failure. Thread-safe.
/// </summary>
internal sealed class ChunkSender(ClientContext context, BigFsPath path, int replicas, IChunkGrants grants)
{
    private readonly Lock _lock = new();
    private readonly List<ChunkReference> _tried = [];

    /// <summary>Every chunk that may be on a datanode: all tries, whatever came of them, that were not forgotten.</summary>
    public IReadOnlyList<ChunkReference> Tried
    {
        get
        {
            lock (_lock)
            {
                return [.. _tried];
            }
        }
    }

    /// <summary>These are somebody else's to give up from now on.</summary>
    public void Forget(ImmutableArray<ChunkReference> chunks)
    {
        var gone = chunks.Select(chunk => chunk.Key).ToHashSet();
        lock (_lock)
        {
            _tried.RemoveAll(chunk => gone.Contains(chunk.Key));
        }
    }

    /// <summary>Whether any chunk may be on a datanode.</summary>
    public bool HasTried
    {
        get
        {
            lock (_lock)
            {
                return _tried.Count > 0;
            }
        }
    }

    /// <summary>Sends a chunk.</summary>
    /// <exception cref="BigFsException">NotEnoughNodes, Unavailable, TimedOut, OutOfSpace after the stall time-out.</exception>
    public async Task<WrittenChunk> SendAsync(ReadOnlyMemory<byte> payload, uint crc32C, CancellationToken cancellationToken)
    {
        var backOff = new BackOff(context.Time, context.Settings.StallTimeout);
        while (true)
        {
            ChunkGrant grant;
            try
            {
                grant = await grants.TakeAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (BigFsException exception) when (
                grants.MayWait
                && exception.Code is BigFsErrorCode.NotEnoughNodes or BigFsErrorCode.Unavailable or BigFsErrorCode.TimedOut
                    or BigFsErrorCode.OutOfSpace)
            {
                if (await backOff.WaitAsync(elsewhere: false, cancellationToken).ConfigureAwait(false))
                {
                    continue;
                }

                throw new BigFsException(exception.Code, $"{exception.Message} {GaveUp(backOff)}", exception)
                {
                    Path = path.ToString(),
                    Endpoint = exception.Endpoint,
                    Attempts = backOff.Attempts,
                };
            }

            var reference = new ChunkReference(grant.Volume, grant.Key, payload.Length, crc32C);
            lock (_lock)
            {
                _tried.Add(reference);
            }

            ChunkWriteResult result = await WriteAsync(grant, payload, crc32C, cancellationToken).ConfigureAwait(false);
            ChunkStatus status = Judge(result, grant, crc32C);
            if (status == ChunkStatus.Ok)
            {
                foreach (NodeAddress node in grant.Pipeline)
                {
                    context.Penalties.Clear(node.Id);
                }

                return new WrittenChunk(reference, result.Replicas);
            }

            NoteFailure(status, result, grant);
            if (status == ChunkStatus.Malformed
                || !await backOff.WaitAsync(elsewhere: true, cancellationToken).ConfigureAwait(false))
            {
                throw Failed(status, result, grant, backOff);
            }
        }
    }

    private async ValueTask<ChunkWriteResult> WriteAsync(
        ChunkGrant grant, ReadOnlyMemory<byte> payload, uint crc32C, CancellationToken cancellationToken)
    {
        try
        {
            return await context.Transport
                .WriteAsync(grant, payload, crc32C, cancellationToken).OrAbandon(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw TransportFault.Of(exception, path, grant.Volume);
        }
    }

    /// <summary>An acknowledgement counts when it comes from every member and repeats the checksum.</summary>
    private ChunkStatus Judge(ChunkWriteResult result, ChunkGrant grant, uint crc32C)
    {
        if (result.Status != ChunkStatus.Ok)
        {
            return result.Status;
        }

        bool all = grant.Pipeline.Length >= replicas
            && grant.Pipeline.All(node => result.Replicas.Any(replica => replica.Node == node.Id));
        return !all ? ChunkStatus.Stalled
            : result.Replicas.All(replica => replica.Crc32C == crc32C) ? ChunkStatus.Ok
            : ChunkStatus.Damaged;
    }

    private void NoteFailure(ChunkStatus status, ChunkWriteResult result, ChunkGrant grant)
    {
        SdkLog.ChunkWriteFailed(
            context.Logger,
            path.ToString(),
            grant.Volume.Value,
            result.FailedNode?.ToString() ?? "unknown",
            status.ToString(),
            result.Detail);

        if (status is ChunkStatus.VolumeFull or ChunkStatus.NotOpen or ChunkStatus.WrongEpoch or ChunkStatus.StaleTerm)
        {
            // A volume that is full or was sealed is nobody's fault: the next grant is on another one.
            grants.Retire(grant);
        }
        else if (status == ChunkStatus.NotAllowed)
        {
            // Grants that have lain too long: what was fetched with this one is as old.
            grants.Outdate();
        }
        else if (result.FailedNode is { } failed)
        {
            context.Penalties.Add(failed);
        }

        // The node manager looks for itself; who is busy, follows a newer epoch or keeps to the rules gives it nothing to look at.
        if (result.FailedNode is { } node
            && status is not (ChunkStatus.Busy or ChunkStatus.NotOpen or ChunkStatus.WrongEpoch or ChunkStatus.StaleTerm
                or ChunkStatus.NotAllowed))
        {
            context.Report(new ReplicaFault(grant.Volume, grant.Key, node, status));
        }
    }

    private string GaveUp(BackOff backOff) =>
        $"It was tried {backOff.Attempts} times in {backOff.Elapsed.TotalSeconds:0.#} s; nothing is written with fewer replicas.";

    private BigFsException Failed(ChunkStatus status, ChunkWriteResult result, ChunkGrant grant, BackOff backOff)
    {
        BigFsErrorCode code = status switch
        {
            ChunkStatus.OutOfSpace => BigFsErrorCode.OutOfSpace,
            ChunkStatus.Stalled => BigFsErrorCode.TimedOut,
            ChunkStatus.NotAllowed => BigFsErrorCode.NotAllowed,
            ChunkStatus.Malformed => BigFsErrorCode.Internal,
            _ => BigFsErrorCode.Unavailable,
        };
        NodeAddress? node = grant.Pipeline.FirstOrDefault(member => member.Id == result.FailedNode);
        return new BigFsException(
            code,
            $"A chunk of \"{path}\" could not be written to volume {grant.Volume}: {status} at datanode "
                + $"{(node is null ? "unknown" : $"{node.Id} ({node.TransferEndpoint})")}. {result.Detail} {GaveUp(backOff)}")
        {
            Path = path.ToString(),
            Endpoint = node?.TransferEndpoint,
            Attempts = Math.Max(1, backOff.Attempts),
        };
    }
}

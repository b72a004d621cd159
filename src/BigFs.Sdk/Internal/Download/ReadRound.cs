using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Core.Transfer;

namespace BigFs.Internal.Download;

/// <summary>The replicas of one chunk tried in turn, round by round, and what each of them said. Not thread-safe.</summary>
internal sealed class ReadRound(ClientContext context, BigFsPath path, ChunkReference chunk)
{
    private readonly List<(NodeAddress Node, ChunkStatus Status)> _answers = [];
    private readonly HashSet<(NodeId Node, ChunkStatus Status)> _reported = [];
    private int _tries;

    /// <summary>Tries so far, all rounds together; 1 or more for errors.</summary>
    public int Attempts => Math.Max(1, _tries);

    /// <summary>Whom the last try went to.</summary>
    public string? LastEndpoint => _answers.Count == 0 ? null : _answers[^1].Node.TransferEndpoint;

    /// <summary>
    /// Whether every replica of the last round answered that it has not got the right bytes. Silence is no answer: unknown
    /// is not absent.
    /// </summary>
    public bool IsFinal => _answers.Count > 0 && _answers.TrueForAll(answer =>
        answer.Status is ChunkStatus.Damaged or ChunkStatus.ChunkNotFound or ChunkStatus.ChunkDeleted);

    /// <summary>Whether some replica said that the chunk is gone.</summary>
    public bool IsGone => _answers.Exists(answer =>
        answer.Status is ChunkStatus.ChunkNotFound or ChunkStatus.ChunkDeleted);

    /// <summary>Asks one replica after the other until one fills the destination; its checksum then, else null.</summary>
    public async Task<uint?> TryAllAsync(
        IEnumerable<NodeAddress> members, ImmutableArray<byte> capability, int offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        _answers.Clear();
        foreach (NodeAddress node in members)
        {
            _tries++;
            (ChunkStatus status, uint crc32C) = await ReadAsync(node, capability, offset, destination, cancellationToken).ConfigureAwait(false);
            if (status == ChunkStatus.Ok)
            {
                context.Penalties.Clear(node.Id);
                return crc32C;
            }

            _answers.Add((node, status));
            Note(node, status);
        }

        return null;
    }

    /// <summary>What each replica of the last round said.</summary>
    public string Describe() => _answers.Count == 0
        ? $"no place of volume {chunk.Volume} is known"
        : string.Join(", ", _answers.Select(answer => $"{answer.Status} at datanode {answer.Node.Id} ({answer.Node.TransferEndpoint})"));

    /// <summary>The error when the time is used up.</summary>
    public BigFsException GaveUp(BackOff backOff)
    {
        return new BigFsException(
            All(ChunkStatus.Stalled) ? BigFsErrorCode.TimedOut
            : All(ChunkStatus.NotAllowed) ? BigFsErrorCode.NotAllowed
            : BigFsErrorCode.Unavailable,
            $"A chunk of \"{path}\" could not be read from volume {chunk.Volume} for {backOff.Elapsed.TotalSeconds:0.#} s: {Describe()}.")
        {
            Path = path.ToString(),
            Endpoint = LastEndpoint,
            Attempts = Attempts,
        };
    }

    private bool All(ChunkStatus status) => _answers.Count > 0 && _answers.TrueForAll(answer => answer.Status == status);

    private async ValueTask<ChunkReadResult> ReadAsync(
        NodeAddress node, ImmutableArray<byte> capability, int offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        try
        {
            return await context.Transport.ReadAsync(node, chunk, capability, offset, destination, cancellationToken)
                .OrAbandon(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw TransportFault.Of(exception, path, chunk.Volume);
        }
    }

    private void Note(NodeAddress node, ChunkStatus status)
    {
        SdkLog.ChunkReadFailed(
            context.Logger, chunk.Key.ToString(), path.ToString(), node.Id.ToString(), node.TransferEndpoint, status.ToString());
        if (status is ChunkStatus.Unreachable or ChunkStatus.Stalled or ChunkStatus.DiskFailed or ChunkStatus.Busy)
        {
            context.Penalties.Add(node.Id);
        }

        // A deleted chunk, a busy node and a capability that has expired are no faults; each fault is told once.
        if (status is not (ChunkStatus.Busy or ChunkStatus.ChunkDeleted or ChunkStatus.NotAllowed) && _reported.Add((node.Id, status)))
        {
            context.Report(new ReplicaFault(chunk.Volume, chunk.Key, node.Id, status));
        }
    }
}

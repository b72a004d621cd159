using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Replication;

/// <summary>Why replicas are brought together.</summary>
public enum JoinPurpose
{
    /// <summary>Ends a volume's appends: everyone present is fenced, brought to the union, and sealed.</summary>
    Seal = 1,

    /// <summary>Members of a sealed volume have become doubtful: they are compared with those that are verified.</summary>
    Return = 2,

    /// <summary>All members of a sealed volume are made equal, so that it can be reopened.</summary>
    Equalize = 3,
}

/// <summary>A member that is up, and whether it is verified.</summary>
public readonly record struct JoinMember(ClusterNode Node, bool Verified);

/// <summary>Which replicas are to be brought together, and why.</summary>
public sealed record JoinRequest
{
    /// <summary>The volume, its epoch and all its members.</summary>
    public required VolumeOrder Order { get; init; }

    /// <summary>Why.</summary>
    public required JoinPurpose Purpose { get; init; }

    /// <summary>Whether the volume ever took appends.</summary>
    public required bool WasOpen { get; init; }

    /// <summary>The members that are up, ordered by id.</summary>
    public required ImmutableArray<JoinMember> Present { get; init; }
}

/// <summary>What came of it.</summary>
public sealed record JoinResult
{
    /// <summary>
    /// The members that now hold everything that the sources held, durably and closed for appends; empty when nobody
    /// could be trusted as a source, or nobody came through.
    /// </summary>
    public required ImmutableArray<NodeId> Whole { get; init; }

    /// <summary>Who failed on the way, and how.</summary>
    public required ImmutableArray<(NodeId Node, ChunkStatus Status)> Failures { get; init; }
}

/// <summary>
/// Brings replicas of a volume together as sets of chunks: fence, compare, copy, seal. Only verified members are sources
/// of copies, unless all members are present: then everything that was ever acknowledged is among them, and their union
/// verifies all. Every step may be repeated, so a run that was cut off is simply run again. One run per volume at a time.
/// </summary>
public sealed class ReplicaJoin
{
    private readonly IDataNodeDirectory _directory;
    private readonly ILogger _logger;
    private readonly JoinRequest _request;
    private readonly SortedDictionary<NodeId, ChunkStatus> _failures = [];

    /// <summary>Prepares a run.</summary>
    public ReplicaJoin(IDataNodeDirectory directory, ILogger logger, JoinRequest request)
    {
        _directory = directory;
        _logger = logger;
        _request = request;
    }

    private VolumeOrder Order => _request.Order;

    /// <summary>
    /// Runs. A member that fails is left out, as if it were absent, and the rest begin again as far as they suffice.
    /// </summary>
    public async Task<JoinResult> RunAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<NodeId> whole = [];
        int failuresBefore;
        do
        {
            failuresBefore = _failures.Count;
            whole = await TryAsync(cancellationToken) ?? [];
        }
        while (whole.IsEmpty && _failures.Count > failuresBefore);

        return new JoinResult { Whole = whole, Failures = [.. _failures.Select(pair => (pair.Key, pair.Value))] };
    }

    /// <summary>One attempt with the members that have not failed; null when they do not suffice or one more failed.</summary>
    private async Task<ImmutableArray<NodeId>?> TryAsync(CancellationToken cancellationToken)
    {
        JoinMember[] present = [.. _request.Present.Where(member => !_failures.ContainsKey(member.Node.Id))];
        JoinMember[] closed = [.. present.Where(IsToBeClosed)];
        bool[] existed = await Task.WhenAll(closed.Select(member => FenceAsync(member, cancellationToken)));
        JoinMember[] recreated = [.. closed.Where((_, i) => !existed[i])];

        present = [.. present.Where(member => !_failures.ContainsKey(member.Node.Id))];
        JoinMember[] sources = Sources(present, recreated);
        if (sources.Length == 0)
        {
            return null;
        }

        JoinMember[] targets = [.. present.Where(member => _request.Purpose == JoinPurpose.Equalize || IsToBeClosed(member))];
        ImmutableArray<NodeId>? whole = await CopyAsync(sources, targets, cancellationToken);
        if (whole is not { } complete || _request.Purpose == JoinPurpose.Equalize)
        {
            return whole;
        }

        JoinMember[] toSeal = [.. targets.Where(member => !_failures.ContainsKey(member.Node.Id))];
        ChunkStatus[] sealings = await Task.WhenAll(toSeal.Select(
            member => _directory.Get(member.Node).SealAsync(Order, cancellationToken).AsTask()));
        for (int i = 0; i < toSeal.Length; i++)
        {
            Note(toSeal[i].Node.Id, sealings[i]);
        }

        return [.. complete.Where(node => !_failures.ContainsKey(node))];
    }

    private bool IsToBeClosed(JoinMember member) => _request.Purpose switch
    {
        JoinPurpose.Seal => true,
        JoinPurpose.Return => !member.Verified,
        _ => false,
    };

    /// <summary>
    /// Who may be copied from. A replica that had to be made anew is no witness of what was acknowledged, unless nothing
    /// ever was.
    /// </summary>
    private JoinMember[] Sources(JoinMember[] present, JoinMember[] recreated)
    {
        JoinMember[] witnesses = [.. present.Where(member => !_request.WasOpen || !recreated.Contains(member))];
        JoinMember[] verified = [.. witnesses.Where(member => member.Verified)];
        bool allPresent = witnesses.Length == Order.Members.Length;
        return allPresent && (verified.Length == 0 || _request.Purpose != JoinPurpose.Return) ? witnesses : verified;
    }

    /// <summary>Ends appends on a member durably. False when it did not have the volume and made an empty replica.</summary>
    private async Task<bool> FenceAsync(JoinMember member, CancellationToken cancellationToken)
    {
        IDataNode node = _directory.Get(member.Node);
        ChunkStatus status = await node.FenceAsync(Order, cancellationToken);
        bool existed = status != ChunkStatus.VolumeNotFound;
        if (!existed)
        {
            if (_request.WasOpen)
            {
                ReplicationLog.ReplicaGone(_logger, Order.Volume, member.Node.Id);
            }

            status = await node.OpenVolumeAsync(Order, cancellationToken);
            if (status == ChunkStatus.Ok)
            {
                status = await node.FenceAsync(Order, cancellationToken);
            }
        }

        Note(member.Node.Id, status);
        return existed;
    }

    /// <summary>Copies what targets lack, range by range; null when a listing failed.</summary>
    private async Task<ImmutableArray<NodeId>?> CopyAsync(
        JoinMember[] sources, JoinMember[] targets, CancellationToken cancellationToken)
    {
        JoinMember[] all = [.. sources.Union(targets).OrderBy(member => member.Node.Id)];
        var nodes = all.ToDictionary(member => member.Node.Id, member => member.Node);
        ReplicaCursor[] cursors =
            [.. all.Select(member => new ReplicaCursor(member.Node.Id, _directory.Get(member.Node), Order.Volume))];
        var copying = new ReplicaCopying(_directory, _logger, Order, nodes, [.. targets.Select(member => member.Node.Id)]);
        while (true)
        {
            ChunkStatus[] filled = await Task.WhenAll(cursors.Select(cursor => cursor.FillAsync(cancellationToken).AsTask()));
            for (int i = 0; i < cursors.Length; i++)
            {
                Note(cursors[i].Node, filled[i]);
            }

            if (filled.Any(status => status != ChunkStatus.Ok))
            {
                return null;
            }

            if (cursors.All(cursor => cursor.IsAtEnd))
            {
                return copying.Whole;
            }

            ChunkKey? horizon = cursors.Where(cursor => cursor.Horizon is not null).Select(cursor => cursor.Horizon).Min();
            ReplicaDifference difference = ReplicaDifference.Of(
            [
                .. all.Select((member, i) => new ReplicaListing(
                    member.Node.Id, sources.Contains(member), targets.Contains(member), cursors[i].Take(horizon))),
            ]);
            await copying.CloseAsync(difference, cancellationToken);
            foreach ((NodeId node, ChunkStatus status) in copying.Failures)
            {
                Note(node, status);
            }
        }
    }

    private void Note(NodeId node, ChunkStatus status)
    {
        if (status != ChunkStatus.Ok && _failures.TryAdd(node, status))
        {
            ReplicationLog.MemberFailed(_logger, _request.Purpose, Order.Volume, Order.Epoch, node, status);
        }
    }
}

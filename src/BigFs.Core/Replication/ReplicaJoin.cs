using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Security;
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

    /// <summary>
    /// Whether members take each other's delete marks at this moment; asked again for each range of keys. Not while marks of
    /// an earlier generation of the namespace may be among them: the restored names may want what those delete.
    /// </summary>
    public required Func<bool> SpreadsMarks { get; init; }

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
    private readonly CapabilitySigner _signer;
    private readonly ILogger _logger;
    private readonly JoinRequest _request;
    private readonly Lock _lock = new();

    /// <summary>Written by whichever member answers; under the lock.</summary>
    private readonly SortedDictionary<NodeId, ChunkStatus> _failures = [];

    /// <summary>Prepares a run.</summary>
    public ReplicaJoin(IDataNodeDirectory directory, CapabilitySigner signer, ILogger logger, JoinRequest request)
    {
        _directory = directory;
        _signer = signer;
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
            failuresBefore = Failures().Length;
            whole = await TryAsync(cancellationToken) ?? [];
        }
        while (whole.IsEmpty && Failures().Length > failuresBefore);

        return new JoinResult { Whole = whole, Failures = Failures() };
    }

    /// <summary>One attempt with the members that have not failed; null when they do not suffice or one more failed.</summary>
    private async Task<ImmutableArray<NodeId>?> TryAsync(CancellationToken cancellationToken)
    {
        await CloseAsync(NotFailed(_request.Present), cancellationToken);
        JoinMember[] present = NotFailed(_request.Present);
        JoinMember[] sources = Sources(present);
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

        JoinMember[] toSeal = NotFailed(targets);
        ChunkStatus[] sealings = await Task.WhenAll(toSeal.Select(
            member => _directory.Get(member.Node).SealAsync(Order, cancellationToken).AsTask()));
        for (int i = 0; i < toSeal.Length; i++)
        {
            Note(toSeal[i].Node.Id, sealings[i]);
        }

        return [.. complete.Where(node => !HasFailed(node))];
    }

    private bool IsToBeClosed(JoinMember member) => _request.Purpose switch
    {
        JoinPurpose.Seal => true,
        JoinPurpose.Return => !member.Verified,
        _ => false,
    };

    /// <summary>
    /// Who may be copied from. A replica that was made anew may be among them: when it was, it was not verified and a
    /// verified peer was there, so it never stands for what was acknowledged by itself.
    /// </summary>
    private JoinMember[] Sources(JoinMember[] present)
    {
        JoinMember[] verified = [.. present.Where(member => member.Verified)];
        bool allPresent = present.Length == Order.Members.Length;
        return allPresent && (verified.Length == 0 || _request.Purpose != JoinPurpose.Return) ? present : verified;
    }

    /// <summary>Ends appends durably on the members that are to be closed; replicas that are gone are made anew if they may.</summary>
    private async Task CloseAsync(JoinMember[] present, CancellationToken cancellationToken)
    {
        JoinMember[] toClose = [.. present.Where(IsToBeClosed)];
        ChunkStatus[] fences = await Task.WhenAll(toClose.Select(
            member => _directory.Get(member.Node).FenceAsync(Order, cancellationToken).AsTask()));
        JoinMember[] gone = [.. toClose.Where((_, i) => fences[i] == ChunkStatus.VolumeNotFound)];
        for (int i = 0; i < toClose.Length; i++)
        {
            if (fences[i] != ChunkStatus.VolumeNotFound)
            {
                Note(toClose[i].Node.Id, fences[i]);
            }
        }

        bool canBeFilled = NotFailed(present).Any(peer => peer.Verified && !gone.Contains(peer));
        await Task.WhenAll(gone.Select(member => MakeAnewAsync(member, canBeFilled, cancellationToken)));
    }

    /// <summary>
    /// Makes an empty, fenced replica for a member that has none. The replica is durable and does not tell that it was
    /// empty at first, so it is made only for a member that is not verified, in a volume that was open, while a verified
    /// peer is there to fill it; else what the member had is unknown, not nothing, and it is left out.
    /// </summary>
    private async Task MakeAnewAsync(JoinMember member, bool canBeFilled, CancellationToken cancellationToken)
    {
        if (_request.WasOpen && (member.Verified || !canBeFilled))
        {
            Note(member.Node.Id, ChunkStatus.VolumeNotFound);
            return;
        }

        if (_request.WasOpen)
        {
            ReplicationLog.ReplicaGone(_logger, Order.Volume, member.Node.Id);
        }

        IDataNode node = _directory.Get(member.Node);
        ChunkStatus status = await node.OpenVolumeAsync(Order, cancellationToken);
        if (status == ChunkStatus.Ok)
        {
            status = await node.FenceAsync(Order, cancellationToken);
        }

        Note(member.Node.Id, status);
    }

    /// <summary>Copies what targets lack, range by range; null when a listing failed.</summary>
    private async Task<ImmutableArray<NodeId>?> CopyAsync(
        JoinMember[] sources, JoinMember[] targets, CancellationToken cancellationToken)
    {
        JoinMember[] all = [.. sources.Union(targets).OrderBy(member => member.Node.Id)];
        var nodes = all.ToDictionary(member => member.Node.Id, member => member.Node);
        ReplicaCursor[] cursors =
            [.. all.Select(member => new ReplicaCursor(member.Node.Id, _directory.Get(member.Node), Order.Volume))];
        var copying = new ReplicaCopying(
            _directory, _signer, _logger, Order, nodes, [.. targets.Select(member => member.Node.Id)]);
        if (await AreEqualAsync(all, cancellationToken))
        {
            return copying.Whole;
        }

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
            ],
            _request.SpreadsMarks());
            if (_request.Purpose == JoinPurpose.Equalize && !difference.KeptMarks.IsEmpty)
            {
                return []; // Equal is more than whole, and these cannot become equal.
            }

            await copying.CloseAsync(difference, cancellationToken);
            foreach ((NodeId node, ChunkStatus status) in copying.Failures)
            {
                Note(node, status);
            }
        }
    }

    /// <summary>
    /// Whether all hold the same chunks and delete marks, by their digests. Who gives none is asked again by the listing.
    /// </summary>
    private async Task<bool> AreEqualAsync(JoinMember[] members, CancellationToken cancellationToken)
    {
        (ChunkStatus Status, VolumeDigest? Digest)[] answers = await Task.WhenAll(members.Select(
            member => _directory.Get(member.Node).DigestAsync(Order.Volume, cancellationToken).AsTask()));
        return Array.TrueForAll(
            answers, one => one.Status == ChunkStatus.Ok && one.Digest is not null && one.Digest == answers[0].Digest);
    }

    private ImmutableArray<(NodeId Node, ChunkStatus Status)> Failures()
    {
        lock (_lock)
        {
            return [.. _failures.Select(pair => (pair.Key, pair.Value))];
        }
    }

    private JoinMember[] NotFailed(IEnumerable<JoinMember> members) =>
        [.. members.Where(member => !HasFailed(member.Node.Id))];

    private bool HasFailed(NodeId node)
    {
        lock (_lock)
        {
            return _failures.ContainsKey(node);
        }
    }

    private void Note(NodeId node, ChunkStatus status)
    {
        bool isNew;
        lock (_lock)
        {
            isNew = status != ChunkStatus.Ok && _failures.TryAdd(node, status);
        }

        if (isNew)
        {
            ReplicationLog.MemberFailed(_logger, _request.Purpose, Order.Volume, Order.Epoch, node, status);
        }
    }
}

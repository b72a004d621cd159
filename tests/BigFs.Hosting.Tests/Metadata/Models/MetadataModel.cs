using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Tests.Metadata.Histories;

namespace BigFs.Hosting.Tests.Metadata.Models;

/// <summary>
/// All that a metadata store promises, in memory and one operation at a time: the namespace, sessions, first answers, the
/// database's clock, and which chunks are to be deleted in the end.
/// </summary>
/// <param name="tree">What is there at first.</param>
internal sealed class MetadataModel(NamespaceTree tree)
{
    public static readonly TimeSpan SessionLife = TimeSpan.FromMinutes(5);

    public static readonly TimeSpan Retention = TimeSpan.FromHours(1);

    public static readonly TimeSpan ReadLease = TimeSpan.FromHours(1);

    private readonly Dictionary<Guid, ModelSession> _sessions = [];
    private readonly List<(Call Call, Answer Answer, long KeepUntil)> _answers = [];
    private readonly HashSet<Guid> _aborted = [];

    public NamespaceTree Tree { get; private set; } = tree;

    /// <summary>Ticks; never goes back.</summary>
    public long Now { get; private set; }

    /// <summary>Every session, in the order of their begins.</summary>
    public List<ModelSession> Sessions { get; } = [];

    /// <summary>Chunks that were named to the store as written in vain, and that are to be deleted.</summary>
    public HashSet<ulong> Discarded { get; } = [];

    /// <summary>Chunks that some file had.</summary>
    public HashSet<ulong> Committed { get; } = [];

    /// <summary>Chunks that are to be deleted when every lease has ended.</summary>
    public IEnumerable<ulong> Buried
    {
        get
        {
            var live = Tree.Bodies.SelectMany(body => body.Manifest).Select(chunk => chunk.Key.Value).ToHashSet();
            return Committed.Where(key => !live.Contains(key)).Union(Discarded).Order();
        }
    }

    /// <summary>The clock shows this; the database's never goes back.</summary>
    public void Clock(long ticks) => Now = Math.Max(Now, ticks);

    /// <summary>Calls that were done and whose answers are still kept.</summary>
    public List<(Call Call, Answer Answer)> Kept =>
        [.. _answers.Where(one => Now < KeepUntil(one)).Select(one => (one.Call, one.Answer))];

    public ModelSession? Session(Guid id) => _sessions.GetValueOrDefault(id);

    /// <summary>Whether the answer is one that the call may get now; when it is, the call has been done.</summary>
    public bool Takes(Call call, Answer answer)
    {
        if (SessionRefusal(call) is { } refusal)
        {
            return answer.Refusal == refusal;
        }

        NamespaceTree? next = Tree.After(call, answer, Now);
        if (next is null)
        {
            return false;
        }

        Tree = next;
        if (answer.Refusal is null && call is not (FindCall or ListCall))
        {
            Done(call, answer);
        }

        return true;
    }

    /// <summary>A session that many small files share was opened.</summary>
    public void Share(Guid id) => Add(new ModelSession(id, null, Now));

    /// <summary>Why a renewal is refused now; null when it is done, and then it is.</summary>
    public BigFsErrorCode? Renew(ModelSession session)
    {
        if (!session.IsOpen(Now))
        {
            return BigFsErrorCode.SessionExpired;
        }

        long expires = (Now + SessionLife.Ticks);
        session.Expires = session.Begin is null ? Math.Min(expires, session.Created + Retention.Ticks) : expires;
        session.KeepUntil = session.Expires + Retention.Ticks;
        return null;
    }

    /// <summary>A session was aborted; null when nobody can say whether its record is still there.</summary>
    public bool? Abort(ModelSession session, ImmutableArray<ChunkReference> written)
    {
        if (Now >= session.KeepUntil)
        {
            return null;
        }

        if (session.State == ModelSessionState.Open)
        {
            session.State = ModelSessionState.Aborted;
            session.KeepUntil = Now + Retention.Ticks;
            Discarded.UnionWith(written.Select(chunk => chunk.Key.Value));
        }

        return true;
    }

    /// <summary>A small file was given up before its commit came.</summary>
    public void AbortSmall(Guid operation, ImmutableArray<ChunkReference> written)
    {
        _aborted.Add(operation);
        Discarded.UnionWith(written.Select(chunk => chunk.Key.Value));
    }

    private long KeepUntil((Call Call, Answer Answer, long KeepUntil) one) => one.Call switch
    {
        BeginCall begin => _sessions[begin.Operation].KeepUntil,
        PutCall { IsUpload: true, Session: { } session } => _sessions[session].KeepUntil,
        _ => one.KeepUntil,
    };

    /// <summary>What the sessions and the records say before the namespace is asked.</summary>
    private BigFsErrorCode? SessionRefusal(Call call)
    {
        if (call is not PutCall put)
        {
            return null;
        }

        if (!put.IsUpload && _aborted.Contains(put.Operation))
        {
            return BigFsErrorCode.SessionExpired;
        }

        if (put.Session is not { } id)
        {
            return null;
        }

        return Session(id) is not { } session || !session.IsOpen(Now) ? BigFsErrorCode.SessionExpired
            : put.IsUpload == session.Begin is null ? BigFsErrorCode.InvalidArgument
            : null;
    }

    private void Done(Call call, Answer answer)
    {
        switch (call)
        {
            case BeginCall begin:
                Add(new ModelSession(begin.Operation, begin, Now));
                break;
            case PutCall put:
                Committed.UnionWith(put.Body.Manifest.Select(chunk => chunk.Key.Value));
                Discarded.UnionWith(put.Body.Discarded.Select(chunk => chunk.Key.Value));
                if (put.IsUpload)
                {
                    ModelSession session = _sessions[put.Session!.Value];
                    session.State = ModelSessionState.Committed;
                    session.KeepUntil = Now + Retention.Ticks;
                }

                break;
            default:
                break;
        }

        _answers.Add((call, answer, Now + Retention.Ticks));
    }

    private void Add(ModelSession session)
    {
        _sessions[session.Id] = session;
        Sessions.Add(session);
    }
}

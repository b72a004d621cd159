using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>
/// One small file's way to the grants of the session that it shares. The file server's first word to this file decides:
/// before it, a shortage refuses the file at once (a grant from before says nothing of the cluster as it is now), and
/// after it the file is under way, and waits. Thread-safe.
/// </summary>
internal sealed class SmallFileGrants(SharedUpload session, BigFsPath path) : IChunkGrants
{
    private ChunkGrant? _reserved;
    private volatile bool _underWay;

    /// <inheritdoc/>
    public bool MayWait => _underWay;

    /// <summary>The session's id.</summary>
    public Guid SessionId => session.Id;

    /// <summary>Replicas of each chunk.</summary>
    public int Replicas => session.Replicas;

    /// <summary>Enters a session and takes the first grant, ahead of the content; the caller leaves.</summary>
    /// <exception cref="BigFsException">The cluster gives none: the file is refused.</exception>
    public static async ValueTask<SmallFileGrants> EnterAsync(
        ClientContext context, UploadPlan plan, CancellationToken cancellationToken)
    {
        SharedUpload session = await context.SmallFiles
            .EnterAsync(plan.Path, plan.Request.Replicas, cancellationToken).ConfigureAwait(false);
        var grants = new SmallFileGrants(session, plan.Path);
        try
        {
            grants._reserved = await grants.TakeNewAsync(cancellationToken).ConfigureAwait(false);
            return grants;
        }
        catch
        {
            grants.Leave();
            throw;
        }
    }

    /// <summary>The cluster says that the session has ended.</summary>
    public void NoteOver() => session.NoteOver();

    /// <summary>The file has ended, and the session is not used by it any more.</summary>
    public void Leave() => session.Leave();

    /// <inheritdoc/>
    public ValueTask<ChunkGrant> TakeAsync(CancellationToken cancellationToken) =>
        Interlocked.Exchange(ref _reserved, null) is { } reserved
            ? ValueTask.FromResult(reserved)
            : TakeNewAsync(cancellationToken);

    /// <inheritdoc/>
    public void Retire(ChunkGrant grant) => session.Retire(grant);

    /// <inheritdoc/>
    public void Outdate() => session.Outdate();

    private async ValueTask<ChunkGrant> TakeNewAsync(CancellationToken cancellationToken)
    {
        try
        {
            (ChunkGrant grant, bool fresh) = await session.TakeAsync(cancellationToken).ConfigureAwait(false);
            _underWay |= fresh;
            return grant;
        }
        catch (BigFsException exception)
        {
            // Asked for whoever needs one: each file is told of itself.
            throw new BigFsException(exception.Code, exception.Message, exception)
            {
                Path = path.ToString(),
                Endpoint = exception.Endpoint,
                Attempts = exception.Attempts,
            };
        }
    }
}

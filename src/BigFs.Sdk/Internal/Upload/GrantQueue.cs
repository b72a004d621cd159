using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>
/// The grants of one upload: asked for in small batches, ahead of need, and thrown away unused when their volume or one of
/// their nodes has failed meanwhile. Thread-safe.
/// </summary>
/// <param name="context">The client.</param>
/// <param name="path">The file, for messages.</param>
/// <param name="session">The upload's session.</param>
/// <param name="replicas">Replicas of each chunk.</param>
/// <param name="batch">How many to ask for at once.</param>
/// <param name="chunks">How many chunks there will be; null when unknown.</param>
internal sealed class GrantQueue(
    ClientContext context, BigFsPath path, Guid session, int replicas, int batch, long? chunks) : IChunkGrants, IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Queue<ChunkGrant> _grants = new();
    private readonly HashSet<(VolumeId Volume, long Epoch)> _retired = [];
    private bool _outdated;
    private Task _prefetch = Task.CompletedTask;
    private long _taken;

    /// <summary>Adds grants: those that came with the ticket, before the first is taken.</summary>
    /// <exception cref="BigFsException">Internal: one names fewer datanodes than the file needs.</exception>
    public void Add(ImmutableArray<ChunkGrant> grants)
    {
        foreach (ChunkGrant grant in grants)
        {
            if (grant.Pipeline.Length < replicas)
            {
                throw new BigFsException(
                    BigFsErrorCode.Internal,
                    $"A grant for \"{path}\" names {grant.Pipeline.Length} datanodes instead of {replicas}.")
                {
                    Path = path.ToString(),
                };
            }

            _grants.Enqueue(grant);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ChunkGrant> TakeAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            DropFailedNeedsTurn();
            if (_grants.Count == 0)
            {
                await FetchNeedsTurnAsync(cancellationToken).ConfigureAwait(false);
            }

            // What was just fetched is taken as it is: the file server knew what to avoid and found nothing better.
            ChunkGrant grant = _grants.Dequeue();
            _taken++;
            if (NeedsMoreNeedsTurn() && _prefetch.IsCompleted)
            {
                _prefetch = PrefetchAsync(cancellationToken);
            }

            return grant;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public bool MayWait => true;

    /// <inheritdoc/>
    public void Retire(ChunkGrant grant)
    {
        lock (_retired)
        {
            _retired.Add((grant.Volume, grant.Epoch));
        }
    }

    /// <inheritdoc/>
    public void Outdate()
    {
        lock (_retired)
        {
            _outdated = true;
        }
    }

    /// <summary>The end of what is fetched ahead; the tokens given to <see cref="TakeAsync"/> end it early.</summary>
    public ValueTask EndAsync() => _prefetch.EndAsync();

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async Task PrefetchAsync(CancellationToken cancellationToken)
    {
        // Not in the flow of the one that took a grant: its chunk is waiting to be sent.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (NeedsMoreNeedsTurn())
                {
                    await FetchNeedsTurnAsync(cancellationToken).ConfigureAwait(false);
                }
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (BigFsException exception)
        {
            // The next one to need a grant asks again, and tells its caller.
            SdkLog.PrefetchFailed(context.Logger, path.ToString(), exception);
        }
    }

    /// <summary>Whether none is left and chunks are still to come.</summary>
    private bool NeedsMoreNeedsTurn() => _grants.Count == 0 && (chunks is null || _taken < chunks);

    private async Task FetchNeedsTurnAsync(CancellationToken cancellationToken)
    {
        int count = (int)Math.Clamp((chunks ?? long.MaxValue) - _taken, 1, batch);
        ImmutableArray<NodeId> avoid = context.Penalties.Current();
        ImmutableArray<ChunkGrant> grants;
        try
        {
            grants = await AskAsync(count, avoid, cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.NotEnoughNodes && !avoid.IsEmpty)
        {
            // Too few nodes without the avoided ones: a node that failed a moment ago is better than none.
            grants = await AskAsync(1, [], cancellationToken).ConfigureAwait(false);
        }

        Add(grants);
    }

    private async Task<ImmutableArray<ChunkGrant>> AskAsync(
        int count, ImmutableArray<NodeId> avoid, CancellationToken cancellationToken)
    {
        ImmutableArray<ChunkGrant> grants = await context.Control.RunOnceAsync(
            path,
            (server, token) => server.GrantAsync(session, replicas, count, avoid, false, token),
            cancellationToken).ConfigureAwait(false);
        return grants.IsDefaultOrEmpty
            ? throw new BigFsException(BigFsErrorCode.Unavailable, $"The file server gave no grant for \"{path}\".")
            : grants;
    }

    private void DropFailedNeedsTurn()
    {
        lock (_retired)
        {
            if (_outdated)
            {
                _outdated = false;
                _grants.Clear();
            }

            for (int left = _grants.Count; left > 0; left--)
            {
                ChunkGrant grant = _grants.Dequeue();
                bool failed = _retired.Contains((grant.Volume, grant.Epoch))
                    || grant.Pipeline.Any(node => context.Penalties.Contains(node.Id));
                if (!failed)
                {
                    _grants.Enqueue(grant);
                }
            }
        }
    }
}

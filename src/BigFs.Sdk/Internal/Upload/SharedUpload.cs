using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>
/// A session that many small files share, and grants asked for ahead of them, in batches as large as the demand. Renewed
/// while files use it; not used beyond some age, and ended when nobody uses it. Thread-safe.
/// </summary>
internal sealed class SharedUpload : IAsyncDisposable
{
    /// <summary>
    /// New files go to a new session after so many times its time to live: well before the cluster ends it for its age.
    /// </summary>
    private const int LifetimesInUse = 4;

    private const int SmallestBatch = 4;

    /// <summary>A batch that lasts less is too small.</summary>
    private static readonly TimeSpan ShortBatch = TimeSpan.FromMilliseconds(100);

    /// <summary>A batch that lasts longer is too large.</summary>
    private static readonly TimeSpan LongBatch = TimeSpan.FromSeconds(2);

    /// <summary>Grants that have waited so long are not used: the map has moved on.</summary>
    private static readonly TimeSpan GrantAge = TimeSpan.FromSeconds(30);

    private readonly ClientContext _context;
    private readonly UploadSession _session;
    private readonly long _begun;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _gate = new();
    private readonly Queue<Held> _grants = new();
    private readonly HashSet<(VolumeId Volume, long Epoch)> _retired = [];
    private readonly Task _life;
    private Task<BigFsException?> _fetch = Task.FromResult<BigFsException?>(null);
    private long _fetched;
    private int _batch;
    private int _users;
    private bool _used;
    private bool _over;

    private SharedUpload(ClientContext context, UploadTicket ticket, int batch)
    {
        _context = context;
        _session = ticket.Session;
        _batch = batch;
        _begun = _fetched = context.Time.GetTimestamp();
        _stop = CancellationTokenSource.CreateLinkedTokenSource(context.Stopping);
        AddNeedsGate(ticket.Grants, []);
        _life = LiveAsync(_stop.Token);
    }

    /// <summary>The session's id.</summary>
    public Guid Id => _session.Id;

    /// <summary>Replicas of each chunk.</summary>
    public int Replicas => _session.Replicas;

    /// <summary>Whether no file may begin under it any more.</summary>
    public bool IsOver
    {
        get
        {
            lock (_gate)
            {
                return IsOverNeedsGate();
            }
        }
    }

    /// <summary>Whether nothing of it runs any more.</summary>
    public bool HasEnded => _life.IsCompleted;

    /// <summary>Begins one; a cluster with too few nodes refuses here.</summary>
    /// <exception cref="BigFsException">As <see cref="IFileServer.BeginSharedAsync"/>.</exception>
    public static async Task<SharedUpload> BeginAsync(ClientContext context, int replicas, int grants)
    {
        var request = new BeginSharedRequest(Guid.CreateVersion7(), replicas);
        UploadTicket ticket = await context.Control.RunAsync(
            BigFsPath.Root,
            (server, token) => server.BeginSharedAsync(request, grants, token),
            context.Stopping).ConfigureAwait(false);
        return new SharedUpload(context, ticket, grants);
    }

    /// <summary>Counts a file in, unless the session is over; it counts itself out by <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (IsOverNeedsGate())
            {
                return false;
            }

            _users++;
            _used = true;
            return true;
        }
    }

    /// <summary>Counts a file out.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _users--;
        }
    }

    /// <summary>The cluster says that the session has ended.</summary>
    public void NoteOver()
    {
        lock (_gate)
        {
            _over = true;
        }
    }

    /// <summary>Notes that a volume takes no more writes under this epoch.</summary>
    public void Retire(ChunkGrant grant)
    {
        lock (_gate)
        {
            _retired.Add((grant.Volume, grant.Epoch));
        }
    }

    /// <summary>Notes that a grant was too old to be used: those that wait here are thrown away.</summary>
    public void Outdate()
    {
        lock (_gate)
        {
            _grants.Clear();
        }
    }

    /// <summary>A grant, and whether this call saw the file server's answer to somebody's asking.</summary>
    /// <exception cref="BigFsException">As <see cref="IFileServer.GrantAsync"/>, tried for the connect time-out.</exception>
    public async ValueTask<(ChunkGrant Grant, bool Fresh)> TakeAsync(CancellationToken cancellationToken)
    {
        bool waited = false;
        while (true)
        {
            Task<BigFsException?> fetch;
            lock (_gate)
            {
                if (NextNeedsGate() is { } grant)
                {
                    if (_grants.Count < (_batch + 1) / 2 && _fetch.IsCompleted)
                    {
                        FetchNeedsGate(isShort: false);
                    }

                    return (grant, waited);
                }

                if (_fetch.IsCompleted)
                {
                    FetchNeedsGate(isShort: true);
                }

                fetch = _fetch;
            }

            waited = true;

            if (await fetch.WaitAsync(cancellationToken).ConfigureAwait(false) is { } failure)
            {
                throw new BigFsException(failure.Code, failure.Message, failure)
                {
                    Endpoint = failure.Endpoint,
                    Attempts = failure.Attempts,
                };
            }
        }
    }

    /// <summary>Stops renewing and asking.</summary>
    public async ValueTask DisposeAsync()
    {
        Task fetch;
        lock (_gate)
        {
            _over = true;
            fetch = _fetch;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _life.ConfigureAwait(false);
        await fetch.EndAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private bool IsOverNeedsGate() =>
        _over || _context.Time.GetElapsedTime(_begun) >= _session.TimeToLive * LifetimesInUse;

    /// <summary>The next grant that is worth a try; drops the others, which never saw a byte.</summary>
    private ChunkGrant? NextNeedsGate()
    {
        while (_grants.TryDequeue(out Held held))
        {
            bool useless = _context.Time.GetElapsedTime(held.Since) >= GrantAge
                || (_retired.Count > 0 && _retired.Contains((held.Grant.Volume, held.Grant.Epoch)));
            foreach (NodeAddress node in held.Grant.Pipeline)
            {
                // A node that the file server was asked to avoid, and gave all the same, is better than none.
                useless |= _context.Penalties.Contains(node.Id) && !held.Avoided.Contains(node.Id);
            }

            if (!useless)
            {
                return held.Grant;
            }
        }

        return null;
    }

    private void AddNeedsGate(ImmutableArray<ChunkGrant> grants, ImmutableArray<NodeId> avoided)
    {
        long now = _context.Time.GetTimestamp();
        foreach (ChunkGrant grant in grants)
        {
            if (grant.Pipeline.Length < Replicas)
            {
                throw new BigFsException(
                    BigFsErrorCode.Internal, $"A grant names {grant.Pipeline.Length} datanodes instead of {Replicas}.");
            }

            _grants.Enqueue(new Held(grant, now, avoided));
        }
    }

    /// <summary>Asks for the next batch: twice as many when the last were used up in no time, half when they lasted.</summary>
    private void FetchNeedsGate(bool isShort)
    {
        TimeSpan since = _context.Time.GetElapsedTime(_fetched);
        _fetched = _context.Time.GetTimestamp();
        _batch = isShort || since < ShortBatch ? Math.Min(_batch * 2, Limits.MaxGrantBatch)
            : since > LongBatch ? Math.Max(_batch / 2, SmallestBatch)
            : _batch;
        _fetch = FetchAsync(_batch);
    }

    /// <summary>Asks for a batch; failures are its result, for whoever waits.</summary>
    private async Task<BigFsException?> FetchAsync(int count)
    {
        // Not under the lock of the one who took the last.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            ImmutableArray<NodeId> avoid = _context.Penalties.Current();
            ImmutableArray<ChunkGrant> grants;
            try
            {
                grants = await AskAsync(count, avoid).ConfigureAwait(false);
            }
            catch (BigFsException exception) when (exception.Code == BigFsErrorCode.NotEnoughNodes && !avoid.IsEmpty)
            {
                grants = await AskAsync(1, []).ConfigureAwait(false);
            }

            if (grants.IsDefaultOrEmpty)
            {
                return new BigFsException(BigFsErrorCode.Unavailable, "The file server gave no grant.");
            }

            lock (_gate)
            {
                AddNeedsGate(grants, avoid);
            }

            return null;
        }
        catch (BigFsException exception)
        {
            return exception;
        }
        catch (OperationCanceledException exception)
        {
            return new BigFsException(BigFsErrorCode.Unavailable, "The client was disposed.", exception);
        }
    }

    private Task<ImmutableArray<ChunkGrant>> AskAsync(int count, ImmutableArray<NodeId> avoid) =>
        _context.Control.RunAsync(
            BigFsPath.Root, (server, token) => server.GrantAsync(Id, Replicas, count, avoid, true, token), _stop.Token);

    /// <summary>Renews the session while files use it, and ends it when none has for a while. Never throws.</summary>
    private async Task LiveAsync(CancellationToken cancellationToken)
    {
        TimeSpan pause = _session.TimeToLive / 3;
        try
        {
            while (true)
            {
                await Task.Delay(pause, _context.Time, cancellationToken).ConfigureAwait(false);
                if (EndIfIdle())
                {
                    await EndAsync(cancellationToken).ConfigureAwait(false);
                    return;
                }

                try
                {
                    await _context.FileServer.RenewUploadAsync(Id, cancellationToken)
                        .OrAbandon(cancellationToken).ConfigureAwait(false);
                    pause = _session.TimeToLive / 3;
                }
                catch (BigFsException exception) when (
                    exception.IsTransient && exception.Code != BigFsErrorCode.SessionExpired)
                {
                    SdkLog.RenewalFailed(_context.Logger, "small files", exception);
                    pause = _session.TimeToLive / 10;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The client has ended; so does the session, by itself.
        }
        catch (Exception exception)
        {
            // Files under way learn it by their commits, and begin again.
            SdkLog.RenewalFailed(_context.Logger, "small files", exception);
        }
        finally
        {
            NoteOver();
        }
    }

    /// <summary>Tells the cluster that the session is no longer needed.</summary>
    private async Task EndAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _context.FileServer.AbortUploadAsync(Id, [], cancellationToken)
                .OrAbandon(cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException exception)
        {
            SdkLog.AbortFailed(_context.Logger, "small files", exception);
        }
    }

    private bool EndIfIdle()
    {
        lock (_gate)
        {
            if (_users > 0 || (_used && !IsOverNeedsGate()))
            {
                _used = false;
                return false;
            }

            return _over = true;
        }
    }

    /// <summary>A grant, since when it is held, and which nodes were to be avoided when it was asked for.</summary>
    private readonly record struct Held(ChunkGrant Grant, long Since, ImmutableArray<NodeId> Avoided);
}

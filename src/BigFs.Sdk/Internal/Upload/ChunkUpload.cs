using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>
/// One upload from its session to its commit: takes chunks in order, has several in flight, keeps the session alive and
/// ends it by commit or abort. One caller at a time; the chunks run beside it.
/// </summary>
internal sealed class ChunkUpload : IPieceSink
{
    /// <summary>How long an abort may take: a cancelled caller gets its answer within a second.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromMilliseconds(600);

    /// <summary>How long a commit that is under way may still answer after the caller cancelled.</summary>
    private static readonly TimeSpan CommitGrace = TimeSpan.FromMilliseconds(300);

    /// <summary>Tasks that have ended well are dropped when there are more of them.</summary>
    private const int MostEnded = 64;

    private readonly ClientContext _context;
    private readonly UploadPlan _plan;
    private readonly UploadSession _session;
    private readonly GrantQueue _grants;
    private readonly ChunkSender _sender;
    private readonly MonotonicProgress _progress;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _renewalStop;
    private readonly UploadManifest _manifest;

    /// <summary>Chunks under way, and some that have ended well.</summary>
    private readonly List<Task> _chunks = [];
    private readonly Task _renewal;
    private Exception? _failure;
    private int _count;
    private bool _ended;

    private ChunkUpload(ClientContext context, UploadPlan plan, UploadTicket ticket, long? chunks, CancellationToken lifetime)
    {
        _context = context;
        _plan = plan;
        _session = ticket.Session;
        _progress = new MonotonicProgress(plan.Progress);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(lifetime, context.Stopping);
        Stopped = _stop.Token;
        _renewalStop = CancellationTokenSource.CreateLinkedTokenSource(Stopped);
        Buffers = new TransferBuffers(plan.Concurrency, context.LargeBuffers);
        _grants = new GrantQueue(context, plan.Path, _session.Id, _session.Replicas, plan.Concurrency, chunks);
        _grants.Add(ticket.Grants);
        _sender = new ChunkSender(context, plan.Path, _session.Replicas, _grants);
        _manifest = new UploadManifest(context, plan.Path, _session.Id, _sender.Forget);
        _renewal = RenewAsync(_renewalStop.Token);
    }

    /// <inheritdoc/>
    public TransferBuffers Buffers { get; }

    /// <inheritdoc/>
    public int ChunkSize => _plan.ChunkSize;

    /// <inheritdoc/>
    public CancellationToken Stopped { get; }

    /// <summary>Opens the session; a cluster with too few nodes refuses here, before the content is touched.</summary>
    /// <param name="context">The client.</param>
    /// <param name="plan">The validated options.</param>
    /// <param name="length">Bytes to come; null when unknown.</param>
    /// <param name="lifetime">Ends the whole upload.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    public static async Task<ChunkUpload> BeginAsync(
        ClientContext context, UploadPlan plan, long? length, CancellationToken lifetime, CancellationToken cancellationToken)
    {
        long? chunks = (length + plan.ChunkSize - 1) / plan.ChunkSize;
        if (chunks > Limits.MaxChunksPerFile)
        {
            throw TooManyChunks(plan);
        }

        int grants = (int)Math.Min(plan.Concurrency, chunks ?? plan.Concurrency);
        UploadTicket ticket = await context.Control.RunAsync(
            plan.Path,
            (server, token) => server.BeginUploadAsync(plan.Request, grants, token),
            cancellationToken).ConfigureAwait(false);
        return new ChunkUpload(context, plan, ticket, chunks, lifetime);
    }

    /// <summary>Fails when a chunk or the session has failed.</summary>
    public void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            // The task that failed keeps the original; each thrower gets the same object.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>Sends the next chunk of the file and takes its buffer over.</summary>
    public void Send(byte[] buffer, int length)
    {
        if (_count == Limits.MaxChunksPerFile)
        {
            Buffers.Return(buffer);
            throw TooManyChunks(_plan);
        }

        if (_chunks.Count >= MostEnded + _plan.Concurrency)
        {
            _chunks.RemoveAll(chunk => chunk.IsCompletedSuccessfully);
        }

        int place = _count++;
        _chunks.Add(Task.Run(() => SendAsync(place, buffer, length)));
    }

    /// <summary>Waits for all chunks and makes the file visible.</summary>
    public async Task<UploadResult> CommitAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_chunks).EndAsync().AsTask().WaitAsync(cancellationToken).ConfigureAwait(false);
        ThrowIfFailed();
        Stopped.ThrowIfCancellationRequested();

        // A renewal that meets the commit would find the session gone.
        await _renewalStop.CancelAsync().ConfigureAwait(false);
        await _renewal.EndAsync().ConfigureAwait(false);
        ThrowIfFailed();
        await Task.WhenAll(_chunks).ConfigureAwait(false);
        ImmutableArray<ChunkReference> rest = _manifest.Rest;
        var request = new CommitUploadRequest
        {
            Operation = _plan.Operation ?? Guid.NewGuid(),
            Session = _session.Id,
            Size = _manifest.Size,
            Crc32C = _manifest.Crc32C,
            Staged = _manifest.Staged,
            Manifest = rest,
            Discarded = Discarded(rest),
        };
        cancellationToken.ThrowIfCancellationRequested();

        // From here on cancelling may come too late; a short grace lets the caller learn which it was.
        using var commitStop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _context.Time);
        using CancellationTokenRegistration grace = cancellationToken.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).CancelAfter(CommitGrace), commitStop);
        CommittedFile committed = await _context.Control.RunPatientlyAsync(
            _plan.Path, (server, token) => server.CommitUploadAsync(request, token), commitStop.Token).ConfigureAwait(false);
        _ended = true;
        return new UploadResult
        {
            File = committed.File,
            Receipt = _manifest.Receipt(_session.Replicas, committed.Name),
        };
    }

    /// <summary>Ends the upload; without a commit the session is aborted, with all that may have been written. Never throws.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_chunks).EndAsync().ConfigureAwait(false);
        await _renewal.EndAsync().ConfigureAwait(false);
        await _grants.EndAsync().ConfigureAwait(false);
        if (!_ended)
        {
            _ended = true;
            await AbortAsync().ConfigureAwait(false);
        }

        _grants.Dispose();
        Buffers.Dispose();
        _renewalStop.Dispose();
        _stop.Dispose();
    }

    private static BigFsException TooManyChunks(UploadPlan plan) => new(
        BigFsErrorCode.LimitExceeded,
        $"\"{plan.Path}\" would have more than {Limits.MaxChunksPerFile} chunks; choose a larger ChunkSize than {plan.ChunkSize} bytes.")
    {
        Path = plan.Path.ToString(),
    };

    /// <summary>
    /// The tries that are not the file's. A commit names as many chunks in all as a file can have: beyond them, discarded
    /// ones stay on the datanodes.
    /// </summary>
    private ImmutableArray<ChunkReference> Discarded(ImmutableArray<ChunkReference> written)
    {
        IReadOnlyList<ChunkReference> tried = _sender.Tried;
        if (tried.Count == written.Length)
        {
            return [];
        }

        var kept = written.Select(chunk => chunk.Key).ToHashSet();
        return [.. tried.Where(chunk => !kept.Contains(chunk.Key)).Take(Limits.MaxChunksPerFile - _count)];
    }

    private async Task SendAsync(int place, byte[] buffer, int length)
    {
        try
        {
            ReadOnlyMemory<byte> payload = buffer.AsMemory(0, length);
            uint crc32C = Crc32C.Compute(payload.Span);
            WrittenChunk written = await _sender.SendAsync(payload, crc32C, Stopped).ConfigureAwait(false);
            await _manifest.AddAsync(place, written, Stopped).ConfigureAwait(false);
            Buffers.Return(buffer);
            _progress.Add(length);
        }
        catch (Exception exception)
        {
            // The transport may still be reading from the buffer when its call was abandoned.
            Fail(exception);
            throw;
        }
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        TimeSpan pause = _session.TimeToLive / 3;
        try
        {
            while (true)
            {
                await Task.Delay(pause, _context.Time, cancellationToken).ConfigureAwait(false);
                try
                {
                    await _context.FileServer.RenewUploadAsync(_session.Id, cancellationToken)
                        .OrAbandon(cancellationToken).ConfigureAwait(false);
                    pause = _session.TimeToLive / 3;
                }
                catch (BigFsException exception) when (
                    exception.IsTransient && exception.Code != BigFsErrorCode.SessionExpired)
                {
                    SdkLog.RenewalFailed(_context.Logger, _plan.Path.ToString(), exception);
                    pause = _session.TimeToLive / 10;
                }
            }
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            Fail(exception);
        }
        catch (OperationCanceledException)
        {
            // The upload has ended.
        }
    }

    /// <summary>Keeps the first failure and stops everything else.</summary>
    private void Fail(Exception exception)
    {
        if (exception is OperationCanceledException && Stopped.IsCancellationRequested)
        {
            return;
        }

        Interlocked.CompareExchange(ref _failure, exception, null);

        // Not in this flow: what hangs on the token must not run inside the chunk that failed.
        _stop.CancelAfter(TimeSpan.Zero);
    }

    private async Task AbortAsync()
    {
        using var patience = new CancellationTokenSource(AbortPatience, _context.Time);
        try
        {
            await _context.FileServer.AbortUploadAsync(_session.Id, [.. _sender.Tried], patience.Token)
                .OrAbandon(patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            SdkLog.AbortFailed(_context.Logger, _plan.Path.ToString(), exception);
        }
    }
}

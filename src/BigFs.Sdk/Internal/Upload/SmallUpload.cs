using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>
/// The upload of content that is at hand as a whole and fits into one chunk: written under a session that it shares with
/// others, and committed in one call. Content for the metadata, or none, needs no session. What was tried in vain is handed
/// back; whether the commit or that came first, the cluster decides by the operation id.
/// </summary>
/// <param name="context">The client.</param>
/// <param name="plan">The validated options.</param>
/// <param name="grants">Of the session that was entered; null for content that no datanode gets.</param>
internal sealed class SmallUpload(ClientContext context, UploadPlan plan, SmallFileGrants? grants)
{
    /// <summary>How long handing back may take: a cancelled caller gets its answer within a second.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromMilliseconds(600);

    /// <summary>How long a commit that is under way may still answer after the caller cancelled.</summary>
    private static readonly TimeSpan CommitGrace = TimeSpan.FromMilliseconds(300);

    private readonly Guid _operation = plan.Operation ?? Guid.CreateVersion7();

    /// <summary>
    /// Runs the upload. After a failure the content may still be read by an abandoned call.
    /// </summary>
    /// <param name="content">All bytes.</param>
    /// <param name="stop">Ends writing: the caller's token, or the client's end.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    public async Task<UploadResult> RunAsync(
        ReadOnlyMemory<byte> content, CancellationToken stop, CancellationToken cancellationToken)
    {
        uint crc32C = Crc32C.Compute(content.Span);
        ChunkSender? sender = grants is null ? null : new ChunkSender(context, plan.Path, grants.Replicas, grants);
        bool sent = false;
        try
        {
            WrittenChunk? written = sender is null
                ? null
                : await sender.SendAsync(content, crc32C, stop).ConfigureAwait(false);
            if (!content.IsEmpty)
            {
                plan.Progress?.Report(content.Length);
            }

            stop.ThrowIfCancellationRequested();
            sent = true;
            CommittedFile committed = await CommitAsync(
                content, crc32C, written, sender?.Tried ?? [], cancellationToken).ConfigureAwait(false);
            return new UploadResult
            {
                File = committed.File,
                Receipt = written?.Receipt(crc32C, committed.Name)
                    ?? WrittenChunk.Receipt(committed.File, committed.Name),
            };
        }
        catch (Exception) when (sent || sender is { HasTried: true })
        {
            await AbortAsync(sender?.Tried ?? []).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<CommittedFile> CommitAsync(
        ReadOnlyMemory<byte> content,
        uint crc32C,
        WrittenChunk? written,
        IReadOnlyList<ChunkReference> tried,
        CancellationToken cancellationToken)
    {
        var request = new CommitFileRequest
        {
            Operation = _operation,
            Session = grants?.SessionId,
            Path = plan.Path,
            Precondition = plan.Request.Precondition,
            Replicas = plan.Request.Replicas,
            ContentType = plan.Request.ContentType,
            Metadata = plan.Request.Metadata,
            Size = content.Length,
            Crc32C = crc32C,
            Manifest = written is null ? [] : [written.Reference],
            Discarded = tried.Count <= 1
                ? []
                : [.. tried.Where(chunk => chunk.Key != written!.Reference.Key).Take(Limits.MaxChunksPerFile - 1)],
            Content = written is null ? content : default,
        };
        if (!cancellationToken.CanBeCanceled)
        {
            return await SendAsync(request, CancellationToken.None).ConfigureAwait(false);
        }

        // From here on cancelling may come too late; a short grace lets the caller learn which it was.
        using var commitStop = new CancellationTokenSource(Timeout.InfiniteTimeSpan, context.Time);
        using CancellationTokenRegistration grace = cancellationToken.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).CancelAfter(CommitGrace), commitStop);
        return await SendAsync(request, commitStop.Token).ConfigureAwait(false);
    }

    private Task<CommittedFile> SendAsync(CommitFileRequest request, CancellationToken cancellationToken) =>
        context.Control.RunPatientlyAsync(
            plan.Path, (server, token) => server.CommitFileAsync(request, token), cancellationToken);

    private async Task AbortAsync(IReadOnlyList<ChunkReference> tried)
    {
        var request = new AbortFileRequest { Operation = _operation, Session = grants?.SessionId, Written = [.. tried] };
        using var patience = new CancellationTokenSource(AbortPatience, context.Time);
        try
        {
            await context.FileServer.AbortFileAsync(request, patience.Token)
                .OrAbandon(patience.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            SdkLog.AbortFailed(context.Logger, plan.Path.ToString(), exception);
        }
    }
}

using BigFs.Internal.Upload;

namespace BigFs.Internal.Gateway;

/// <summary>
/// Uploads through the gateway. A try that breaks is made again where the content can be had again, until the stall time-out
/// has passed since the first failure.
/// </summary>
internal static class GatewayUpload
{
    /// <summary>Runs the upload of a stream; exceptions of the source pass through as they are.</summary>
    public static async Task<UploadResult> RunAsync(
        ClientContext context, UploadPlan plan, Stream source, CancellationToken cancellationToken)
    {
        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, context.Stopping);
        var content = new ReplayableSource(source, all.Token);
        var progress = new HighWater(plan.Progress);
        var tries = new GatewayTries(context);
        while (true)
        {
            GatewaySink? sink = null;
            try
            {
                sink = await GatewaySink.BeginAsync(
                    context, plan, tries.Operation, content.Length, progress.Report, all.Token).ConfigureAwait(false);
                tries.NoteAccepted();
                await CopyAsync(sink, content).ConfigureAwait(false);
                UploadResult result = await sink.CommitAsync(all.Token).ConfigureAwait(false);
                progress.Report(result.File.Size);
                return result;
            }
            catch (BigFsException exception) when (!content.HasFailed)
            {
                tries.Note(exception, wasComplete: sink is { IsComplete: true });
            }
            finally
            {
                if (sink is not null)
                {
                    await sink.DisposeAsync().ConfigureAwait(false);
                }
            }

            if (!await tries.MayGoOnAsync(all.Token).ConfigureAwait(false))
            {
                throw tries.Failure(plan.Path);
            }

            if (!await content.RewindAsync().ConfigureAwait(false))
            {
                throw tries.Failure(plan.Path, sourceIsPast: true);
            }
        }
    }

    /// <summary>Opens a writer's upload: its content cannot be had again, so that only the opening is tried again.</summary>
    public static async Task<IPieceSink> BeginAsync(ClientContext context, UploadPlan plan, CancellationToken cancellationToken)
    {
        var progress = new HighWater(plan.Progress);
        var tries = new GatewayTries(context);
        while (true)
        {
            // The opening's token ends the opening; the upload lives on without it.
            using var opening = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, context.Stopping);
            try
            {
                Task<GatewaySink> begun = GatewaySink.BeginAsync(
                    context, plan, tries.Operation, size: null, progress.Report, CancellationToken.None);
                return await OrEndAsync(begun, opening.Token).ConfigureAwait(false);
            }
            catch (BigFsException exception)
            {
                tries.Note(exception, wasComplete: false);
            }

            if (!await tries.MayGoOnAsync(opening.Token).ConfigureAwait(false))
            {
                throw tries.Failure(plan.Path);
            }
        }
    }

    /// <summary>The opened upload; one that is opened after its caller has gone is ended.</summary>
    private static async Task<GatewaySink> OrEndAsync(Task<GatewaySink> begun, CancellationToken cancellationToken)
    {
        try
        {
            return await begun.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = begun.ContinueWith(
                static late => late.IsCompletedSuccessfully ? late.Result.DisposeAsync().AsTask() : Task.FromResult(late.Exception),
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            throw;
        }
    }

    private static async Task CopyAsync(GatewaySink sink, ReplayableSource content)
    {
        var cutter = new ChunkCutter(sink, content.Length);
        try
        {
            while (true)
            {
                Memory<byte> room = await cutter.RoomAsync(sink.Stopped).ConfigureAwait(false);
                int count = await content.ReadAsync(room, sink.Stopped).ConfigureAwait(false);
                if (count == 0)
                {
                    cutter.End();
                    return;
                }

                cutter.Advance(count);
            }
        }
        catch (OperationCanceledException) when (sink.Stopped.IsCancellationRequested)
        {
            // Cancelled from inside, because a piece failed: that is what counts.
            sink.ThrowIfFailed();
            throw;
        }
    }
}

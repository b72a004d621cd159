using BigFs.Core.Faults;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <content>Creating and loading volumes, and the node manager's orders about them.</content>
internal sealed partial class Volume
{
    /// <summary>
    /// Makes the volume's log with its first epoch: under a temporary name first, so that a log is whole or absent.
    /// </summary>
    /// <exception cref="DiskException">The disk refused or failed.</exception>
    public static async ValueTask<Volume> CreateAsync(VolumeContext context, VolumeOrder order, Guid salt)
    {
        string temporary = context.TemporaryPathOf(order.Volume);
        uint seed = LogFormat.HeaderSeed(salt);
        using ChunkBuffer page = await context.Shared.Gather.RentAsync(0, CancellationToken.None);
        await using (IDiskFile file = await context.Disk.CreateFileAsync(temporary))
        {
            LogFormat.WriteSuperblock(
                page.GetSpan(), new Superblock(order.Volume, context.Node, salt, context.Time.GetUtcNow()));
            await file.WriteAsync(0, page.Memory[..LogFormat.PageSize]);
            LogEntry mark = LogEntry.Mark(order.Epoch, ReplicaState.Open, order.Members);
            LogBatch batch = LogBatch.Plan([mark])[0];
            var header = new BatchHeader(1, 1, LogFormat.PageSize, LogFormat.PageSize, batch.Length, 1);
            await file.WriteAsync(LogFormat.PageSize, batch.Assemble(header, seed, page));
            CrashPoint.Reach("create.before-sync");
            await file.SyncAsync();
        }

        CrashPoint.Reach("create.before-rename");
        await context.Disk.RenameAsync(temporary, context.PathOf(order.Volume));
        CrashPoint.Reach("create.before-directory-sync");
        if (!Canary.SkipDirectorySync)
        {
            await context.Disk.SyncDirectoryAsync(context.Folder);
        }

        CrashPoint.Reach("create.after-directory-sync");
        return await LoadAsync(context, order.Volume);
    }

    /// <summary>
    /// Opens a log that exists. A damaged or unreadable one gives a failed volume that holds what could be read.
    /// </summary>
    /// <param name="context">What the node's volumes share.</param>
    /// <param name="id">The volume.</param>
    /// <param name="hasIndex">Whether the volume has an index file.</param>
    /// <exception cref="BigFsException">DataUnreadable: another node's volume, or a newer format.</exception>
    /// <exception cref="DiskException">The file could not be opened.</exception>
    public static async ValueTask<Volume> LoadAsync(VolumeContext context, VolumeId id, bool hasIndex = false)
    {
        IDiskFile file = await context.Disk.OpenFileAsync(context.PathOf(id));
        CrashPoint.Reach("open.before-scan");
        try
        {
            OpenedLog log = await ScanAsync(context, id, file, hasIndex);
            if (log.Contents.Damage is { } damage)
            {
                StorageEvents.VolumeDamaged(context.Logger, id, damage);
            }

            var volume = new Volume(context, id, file, log);
            await volume.PinAsync();
            await volume.TidyIndexAsync();
            return volume;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>Reopens a sealed volume, with its index in memory.</summary>
    public async ValueTask<ChunkStatus> ReopenAsync(VolumeOrder order)
    {
        await TakeGateAsync();
        try
        {
            bool isReopened;
            lock (_lock)
            {
                isReopened = !_isFailed && VolumeRules.Open(_epoch, order).Next is not null;
            }

            if (isReopened)
            {
                await LoadIndexNeedsGateAsync();
            }

            return await ChangeAsync(order, VolumeRules.Open);
        }
        finally
        {
            _maintenance.Release();
        }
    }

    /// <summary>Refuses appends from now on and stores the order's epoch behind those in flight.</summary>
    public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order) => ChangeAsync(order, VolumeRules.Fence);

    /// <summary>Ends appends, gives prepared space back and puts the index into a file.</summary>
    public async ValueTask<ChunkStatus> SealAsync(VolumeOrder order)
    {
        ChunkStatus status = await ChangeAsync(order, VolumeRules.Seal);
        if (status == ChunkStatus.Ok)
        {
            await TidyIndexAsync();
        }

        return status;
    }

    private static async ValueTask<OpenedLog> ScanAsync(
        VolumeContext context, VolumeId id, IDiskFile file, bool hasIndex)
    {
        string path = context.PathOf(id);
        var page = new byte[LogFormat.PageSize];
        try
        {
            int length = await file.ReadAsync(0, page);
            if (LogFormat.ReadSuperblock(page.AsSpan(0, length), path) is not { } block || block.Volume != id)
            {
                return OpenedLog.Unreadable("it has no superblock of this volume");
            }

            if (block.Node != context.Node)
            {
                throw new BigFsException(
                    BigFsErrorCode.DataUnreadable,
                    $"The volume \"{path}\" is node {block.Node}'s, not of node {context.Node} whose folder it is in.");
            }

            OpenedLog log = await OpenedLog.ReadAsync(context, block, file, hasIndex);
            LogContents contents = log.Contents;
            if (contents.Damage is null && contents.Length > contents.Position.End)
            {
                CrashPoint.Reach("open.before-cut");
                await file.TruncateAsync(contents.Position.End);
                await file.SyncAsync();
                CrashPoint.Reach("open.after-cut");
                StorageEvents.TailCut(context.Logger, id, contents.Position.End, contents.Length - contents.Position.End);
            }
            else if (contents.Damage is null && !contents.Position.IsPinned)
            {
                // The end may have been written but not flushed when the process died; from here on it counts as flushed.
                await file.SyncAsync();
            }

            return log;
        }
        catch (DiskException exception)
        {
            StorageEvents.VolumeFailed(context.Logger, exception, id);
            return OpenedLog.Unreadable("reading or cutting its log failed");
        }
    }

    /// <summary>
    /// Repeats the epoch where chunks or delete marks stand behind the last durable offset that the log names: from then on
    /// damage to them is told from a torn tail. Without room the next start does it.
    /// </summary>
    private async ValueTask PinAsync()
    {
        if (_writer is { IsPinned: false })
        {
            LogEntry mark = LogEntry.Mark(_epoch.Epoch, _epoch.State, _epoch.Members);
            CrashPoint.Reach("open.before-pin");
            _writer.Enqueue(mark);
            await mark.Outcome;
        }
    }

    private async ValueTask<ChunkStatus> ChangeAsync(
        VolumeOrder order, Func<VolumeEpoch, VolumeOrder, (ChunkStatus Status, VolumeEpoch? Next)> rule)
    {
        LogEntry mark;
        LogWriter writer;
        await WhileHeldAsync();
        lock (_lock)
        {
            if (_isFailed)
            {
                return ChunkStatus.DiskFailed;
            }

            if (_held is not null)
            {
                return ChunkStatus.Busy; // another compaction since: the order comes again
            }

            (ChunkStatus status, VolumeEpoch? next) = rule(_epoch, order);
            if (next is null)
            {
                return status;
            }

            // From here on no append comes in; the mark stands behind all that did. If it cannot be written, appends stay
            // refused until an order succeeds.
            _isRefusing = next.State != ReplicaState.Open;
            mark = LogEntry.Mark(next.Epoch, next.State, next.Members);
            writer = _writer!;
            CrashPoint.Reach("seal.before-mark");
            writer.Enqueue(mark);
        }

        ChunkStatus outcome = await mark.Outcome;
        CrashPoint.Reach("seal.after-mark");
        await writer.DrainAsync(); // until prepared space is given back
        CrashPoint.Reach("seal.after-drain");
        return outcome;
    }
}

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
    /// <exception cref="BigFsException">DataUnreadable: another node's volume, or a newer format.</exception>
    /// <exception cref="DiskException">The file could not be opened.</exception>
    public static async ValueTask<Volume> LoadAsync(VolumeContext context, VolumeId id)
    {
        IDiskFile file = await context.Disk.OpenFileAsync(context.PathOf(id));
        CrashPoint.Reach("open.before-scan");
        try
        {
            (LogContents contents, uint seed) = await ScanAsync(context, id, file);
            if (contents.Damage is { } damage)
            {
                StorageEvents.VolumeDamaged(context.Logger, id, damage);
            }

            var volume = new Volume(context, id, file, seed, contents);
            await volume.PinAsync();
            return volume;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>Reopens a sealed volume.</summary>
    public ValueTask<ChunkStatus> ReopenAsync(VolumeOrder order) => ChangeAsync(order, VolumeRules.Open);

    /// <summary>Refuses appends from now on and stores the order's epoch behind those in flight.</summary>
    public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order) => ChangeAsync(order, VolumeRules.Fence);

    /// <summary>Ends appends and gives prepared space back.</summary>
    public ValueTask<ChunkStatus> SealAsync(VolumeOrder order) => ChangeAsync(order, VolumeRules.Seal);

    private static async ValueTask<(LogContents Contents, uint Seed)> ScanAsync(
        VolumeContext context, VolumeId id, IDiskFile file)
    {
        string path = context.PathOf(id);
        try
        {
            var page = new byte[LogFormat.PageSize];
            int length = await file.ReadAsync(0, page);
            if (LogFormat.ReadSuperblock(page.AsSpan(0, length), path) is not { } block || block.Volume != id)
            {
                return (Unreadable("it has no superblock of this volume"), 0);
            }

            if (block.Node != context.Node)
            {
                throw new BigFsException(
                    BigFsErrorCode.DataUnreadable,
                    $"The volume \"{path}\" is node {block.Node}'s, not of node {context.Node} whose folder it is in.");
            }

            uint seed = LogFormat.HeaderSeed(block.Salt);
            LogContents contents = await LogScan.RunAsync(file, seed);
            if (contents.Damage is null && contents.Length > contents.End)
            {
                CrashPoint.Reach("open.before-cut");
                await file.TruncateAsync(contents.End);
                await file.SyncAsync();
                CrashPoint.Reach("open.after-cut");
                StorageEvents.TailCut(context.Logger, id, contents.End, contents.Length - contents.End);
            }
            else if (contents.Damage is null && !contents.IsPinned)
            {
                // The end may have been written but not flushed when the process died; from here on it counts as flushed.
                await file.SyncAsync();
            }

            return (contents, seed);
        }
        catch (DiskException exception)
        {
            StorageEvents.VolumeFailed(context.Logger, exception, id);
            return (Unreadable("reading or cutting its log failed"), 0);
        }
    }

    private static LogContents Unreadable(string damage) => new([], 0, 0, 0, 0, true, damage);

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
        lock (_lock)
        {
            if (_isFailed)
            {
                return ChunkStatus.DiskFailed;
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
            CrashPoint.Reach("seal.before-mark");
            _writer!.Enqueue(mark);
        }

        ChunkStatus outcome = await mark.Outcome;
        CrashPoint.Reach("seal.after-mark");
        await _writer.DrainAsync(); // until prepared space is given back
        CrashPoint.Reach("seal.after-drain");
        return outcome;
    }
}

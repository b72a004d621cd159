using BigFs.Core.Faults;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <content>
/// Compaction: the log of a sealed volume is written anew without its deleted chunks and takes the old one's name. Reads go
/// on throughout; writes (delete marks, adopted chunks, orders) wait while the last of them are carried over.
/// </content>
internal sealed partial class Volume
{
    /// <summary>Bytes written since the copying began up to which the rest is carried over while writes wait.</summary>
    private const long LastStep = 1 << 20;

    /// <summary>What a log has besides its records: superblock, last epoch, padding of a few batches.</summary>
    private const long FixedBytes = 16 * LogFormat.PageSize;

    /// <summary>Set while writes wait for a compaction to end.</summary>
    private TaskCompletionSource? _held;

    /// <summary>Makes the compaction under way give the gate up; null when none is.</summary>
    private CancellationTokenSource? _compacting;

    /// <summary>Where the log ended after its last compaction.</summary>
    private LogPosition? _compacted;
    private bool _hasDamagedChunk;

    /// <summary>
    /// What a compaction would leave and give back, in bytes; null when the volume is not sealed, nothing has come since
    /// the last compaction, or a damaged chunk is in the way.
    /// </summary>
    public (long Left, long Dead)? CompactionGain()
    {
        lock (_lock)
        {
            if (_epoch.State != ReplicaState.Sealed || _isFailed || _hasDamagedChunk || _writer!.Applied == _compacted)
            {
                return null;
            }

            long marks = _index.Entries - _index.Live;
            long left = _index.LiveBytes + (marks * LogFormat.HeaderLength) + FixedBytes;
            return (left, _writer.End - left);
        }
    }

    /// <summary>Compacts the volume.</summary>
    /// <param name="pace">How fast.</param>
    /// <param name="cancellationToken">Stops it; nothing is left of it then.</param>
    /// <returns>
    /// Ok; Busy when the volume is not sealed, or is needed otherwise; Damaged when a chunk or the log is; OutOfSpace;
    /// DiskFailed.
    /// </returns>
    public async ValueTask<ChunkStatus> CompactAsync(CompactionPace pace, CancellationToken cancellationToken)
    {
        var unwanted = new CancellationTokenSource(); // not disposed: who cancels it may come late
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, unwanted.Token);
        await _maintenance.WaitAsync(cancellationToken);
        try
        {
            LogFile source;
            lock (_lock)
            {
                if (_epoch.State != ReplicaState.Sealed || _isFailed || _isClosed)
                {
                    return _isFailed ? ChunkStatus.DiskFailed : ChunkStatus.Busy;
                }

                source = _log;
                _compacting = unwanted;
            }

            return await CompactNeedsGateAsync(source, pace, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ChunkStatus.Busy;
        }
        finally
        {
            TaskCompletionSource? held;
            lock (_lock)
            {
                (held, _held, _compacting) = (_held, null, null);
            }

            held?.SetResult();
            _maintenance.Release();
        }
    }

    private async ValueTask<ChunkStatus> CompactNeedsGateAsync(
        LogFile source, CompactionPace pace, CancellationToken cancellationToken)
    {
        bool isSwitched = false;
        LogRewrite? rewrite = null;
        try
        {
            CrashPoint.Reach("compaction.before-copy");
            rewrite = await LogRewrite.CreateAsync(_context, Id, source, _context.NewSalt(), pace);
            long before = _writer!.End;
            if (await CopyAsync(rewrite, source, cancellationToken) is not { } position)
            {
                return ChunkStatus.Damaged;
            }

            IndexHeader header = HeaderOf(rewrite, position);
            ChunkStatus status = await RenameAsync(rewrite, header);
            isSwitched = status == ChunkStatus.Ok;
            if (isSwitched)
            {
                await SwitchAsync(rewrite, header);
                StorageEvents.VolumeCompacted(_context.Logger, Id, before, position.End, rewrite.Index.Live);
            }

            return status;
        }
        catch (DiskException exception)
        {
            StorageEvents.CompactionFailed(_context.Logger, exception, Id);
            return exception.IsOutOfSpace ? ChunkStatus.OutOfSpace : ChunkStatus.DiskFailed;
        }
        finally
        {
            await (rewrite?.DisposeAsync() ?? ValueTask.CompletedTask);
            if (!isSwitched)
            {
                await (rewrite?.Target.ReleaseAsync() ?? ValueTask.CompletedTask);
                await _context.TryDeleteAsync(_context.TemporaryPathOf(Id));
                await _context.TryDeleteAsync(_context.TemporaryIndexPathOf(Id));
            }
        }
    }

    /// <summary>
    /// Writes everything that the log says, by its own records, into the new one. When it returns, writes wait. Null when
    /// something is damaged, which has been reported then.
    /// </summary>
    private async ValueTask<LogPosition?> CopyAsync(
        LogRewrite rewrite, LogFile source, CancellationToken cancellationToken)
    {
        LogPosition from = LogPosition.Start, to = _writer!.Applied;
        bool isLast = false;
        while (true)
        {
            // Not by the index: a chunk that it did not know would be lost for good.
            var found = new ChunkIndex();
            LogContents contents = await LogScan.RunAsync(
                source.File, source.Seed, from, to.End, to.End, record => found.Add(OpenedLog.EntryOf(record), null));
            if (contents.Damage is { } damage)
            {
                Fail(damage);
                return null;
            }

            foreach (IndexEntry entry in found.TakeMap().Entries())
            {
                ThrowIfUnwanted(cancellationToken);
                if (!await rewrite.AddAsync(entry, cancellationToken))
                {
                    StorageEvents.CompactionStopped(_context.Logger, new ChunkKey(entry.Key), Id);
                    lock (_lock)
                    {
                        _hasDamagedChunk = true;
                    }

                    return null;
                }
            }

            if (isLast)
            {
                CrashPoint.Reach("compaction.before-end");
                return await rewrite.EndAsync(_epoch);
            }

            from = to;
            lock (_lock)
            {
                isLast = _writer.End - from.End < LastStep;
                _held = isLast ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            }

            await (isLast ? _writer.DrainAsync() : ValueTask.CompletedTask);
            ThrowIfUnwanted(cancellationToken);
            to = _writer.Applied;
        }
    }

    private IndexHeader HeaderOf(LogRewrite rewrite, LogPosition position) => new(
        Id,
        _context.Node,
        rewrite.Target.Salt,
        position,
        rewrite.Index.Entries,
        rewrite.Index.Live,
        rewrite.Index.LiveBytes,
        _epoch);

    /// <summary>Gives the new log and its index the names of the old ones, durably.</summary>
    private async ValueTask<ChunkStatus> RenameAsync(LogRewrite rewrite, IndexHeader header)
    {
        string index = _context.TemporaryIndexPathOf(Id);
        await IndexBuilder.WriteFileAsync(
            _context, index, header, MergeAsync(null, rewrite.Index.TakeMap()));
        CrashPoint.Reach("compaction.before-rename");
        await _context.Disk.RenameAsync(_context.TemporaryPathOf(Id), _context.PathOf(Id));
        try
        {
            // Between the two the old index does not fit the new log: a start would make it anew.
            CrashPoint.Reach("compaction.between-renames");
            await _context.Disk.RenameAsync(index, _context.IndexPathOf(Id));
            CrashPoint.Reach("compaction.before-directory-sync");
            await _context.Disk.SyncDirectoryAsync(_context.Folder);
            CrashPoint.Reach("compaction.after-directory-sync");
            return ChunkStatus.Ok;
        }
        catch (DiskException exception)
        {
            // Which log a crash would leave is not known, so nothing more is promised on either.
            OnFailed(exception);
            return ChunkStatus.DiskFailed;
        }
    }

    /// <summary>Goes on with the new log; the old one's file is closed when its last reader is done.</summary>
    private async ValueTask SwitchAsync(LogRewrite rewrite, IndexHeader header)
    {
        ChunkIndex index = rewrite.Index;
        try
        {
            index = await IndexFile.OpenAsync(_context.Disk, _context.IndexCache, _context.IndexPathOf(Id)) is { } file
                ? new ChunkIndex(file)
                : index;
        }
        catch (DiskException exception)
        {
            StorageEvents.IndexUnusable(_context.Logger, exception, Id);
        }

        LogFile old;
        IndexFile? oldIndex;
        lock (_lock)
        {
            (old, _log) = (_log, rewrite.Target);
            (oldIndex, _index) = (_index.File, index);
            _writer = new LogWriter(
                _log.File, _log.Seed, header.Position, _context.Shared, OnDurable, OnFailed);
            _indexed = header.Position;
            _compacted = header.Position;
            _isIndexProven = true;
        }

        await old.ReleaseAsync();
        await (oldIndex?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private void ThrowIfUnwanted(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            if (_isFailed)
            {
                throw new OperationCanceledException(); // by a write beside the compaction
            }
        }
    }

    /// <summary>Waits for the gate; a compaction under way gives it up.</summary>
    private async Task TakeGateAsync()
    {
        CancellationTokenSource? compacting;
        lock (_lock)
        {
            compacting = _compacting;
        }

        await (compacting?.CancelAsync() ?? Task.CompletedTask);
        await _maintenance.WaitAsync();
    }

    /// <summary>Waits while a compaction carries the last writes over.</summary>
    private Task WhileHeldAsync()
    {
        lock (_lock)
        {
            return _held?.Task ?? Task.CompletedTask;
        }
    }

    private void Fail(string damage)
    {
        lock (_lock)
        {
            _isFailed = true;
        }

        StorageEvents.VolumeDamaged(_context.Logger, Id, damage);
    }
}

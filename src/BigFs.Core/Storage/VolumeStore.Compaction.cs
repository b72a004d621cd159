using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <content>
/// Which volume is compacted when: one at a time, the one with most to gain first, whenever deletes or seals have come.
/// </content>
public sealed partial class VolumeStore
{
    /// <summary>Less than this is not worth writing a log anew.</summary>
    private const long LeastGain = 1 << 20;

    /// <summary>What a compaction leaves free of a disk, for delete marks that come meanwhile.</summary>
    private const long CompactionMargin = 1 << 20;

    /// <summary>The share from which a nearly full disk is compacted; gathered batches have less than this of padding.</summary>
    private const double TightDeadShare = 0.1;

    /// <summary>Volumes that have been reported; the compactor's alone.</summary>
    private readonly HashSet<VolumeId> _withoutRoom = [];

    /// <summary>
    /// Compacts a sealed volume now, whatever is to be gained: its log is written anew without deleted chunks. Reads and
    /// deletes go on meanwhile.
    /// </summary>
    /// <returns>
    /// Ok; Busy: the volume is not sealed, or was needed otherwise; Damaged: a chunk or the log is, and nothing was dropped;
    /// VolumeNotFound, OutOfSpace, DiskFailed.
    /// </returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<ChunkStatus> CompactAsync(VolumeId volume, CancellationToken cancellationToken) =>
        WithVolumeAsync(volume, async found =>
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
            try
            {
                return await CompactAsync(found, either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return ChunkStatus.Busy;
            }
        });

    private async Task<ChunkStatus> CompactAsync(Volume volume, CancellationToken cancellationToken)
    {
        await _compacting.WaitAsync(cancellationToken);
        try
        {
            return await volume.CompactAsync(_pace, cancellationToken);
        }
        finally
        {
            _compacting.Release();
        }
    }

    /// <summary>Has the compactor look at the volumes; hands the status through.</summary>
    private ChunkStatus WantCompaction(ChunkStatus status)
    {
        lock (_lock)
        {
            if (status == ChunkStatus.Ok && _compactionWanted.CurrentCount == 0)
            {
                _compactionWanted.Release();
            }
        }

        return status;
    }

    private async Task CompactAllAsync()
    {
        await Task.Yield(); // out of the opening
        try
        {
            while (true)
            {
                await _compactionWanted.WaitAsync(_stop.Token);
                var refused = new HashSet<VolumeId>();
                while (await PickAsync(refused) is { } volume)
                {
                    if (await CompactAsync(volume, _stop.Token) != ChunkStatus.Ok)
                    {
                        refused.Add(volume.Id); // until something comes again
                    }
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The store is stopping.
        }
        catch (Exception exception)
        {
            StorageEvents.CompactorFailed(_context.Logger, exception, _context.Options.DataDirectory);
        }
    }

    /// <summary>The volume with most to gain of those that are worth it and have room; null when there is none.</summary>
    private async ValueTask<Volume?> PickAsync(HashSet<VolumeId> refused)
    {
        var candidates = new List<(Volume Volume, long Left, long Dead)>();
        lock (_lock)
        {
            foreach (Volume volume in _volumes.Values)
            {
                if (!refused.Contains(volume.Id) && volume.CompactionGain() is { Dead: >= LeastGain } gain)
                {
                    candidates.Add((volume, gain.Left, gain.Dead));
                }
            }
        }

        if (candidates.Count == 0)
        {
            return null;
        }

        long free = await FreeBytesAsync();
        bool isTight = free < 2 * _context.Options.ReservedBytes;
        double share = _context.Options.CompactionDeadShare;
        share = isTight && share < 1 ? Math.Min(share, TightDeadShare) : share;
        foreach ((Volume volume, long left, long dead) in candidates.OrderByDescending(one => one.Dead))
        {
            if (dead < share * (left + dead))
            {
                continue;
            }

            if (left + (left / 16) + CompactionMargin <= free)
            {
                _withoutRoom.Remove(volume.Id);
                return volume;
            }

            if (_withoutRoom.Add(volume.Id))
            {
                StorageEvents.NoRoomToCompact(_context.Logger, volume.Id, dead, left, free);
            }
        }

        return null;
    }

    private async ValueTask<long> FreeBytesAsync()
    {
        try
        {
            return await _context.Disk.GetFreeBytesAsync(_context.Options.DataDirectory);
        }
        catch (DiskException exception)
        {
            FolderFailure(exception);
            return 0;
        }
    }
}

using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <content>
/// Where the index is. Open volumes have all of it in memory; sealed ones in a file, with what came since in memory until it
/// is merged. An index file is only ever a copy of what the log says: one that is damaged is made anew.
/// </content>
internal sealed partial class Volume
{
    /// <summary>Entries in memory from which a sealed volume's are merged into its file: about half a MiB.</summary>
    private const int MergedAt = 16 << 10;

    /// <summary>Entries that a digest takes at once.</summary>
    private const int DigestPage = 4096;

    /// <summary>One page of the volume's keys, ordered, behind the given one.</summary>
    public async ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListAsync(
        ChunkKey after, int limit)
    {
        if (after.Value == ulong.MaxValue)
        {
            return (ChunkStatus.Ok, []);
        }

        List<IndexEntry> entries = await CopyFromAsync(after.Value + 1, limit);
        return (ChunkStatus.Ok,
            [.. entries.Select(e => new StoredChunkInfo(new ChunkKey(e.Key), e.Length, e.Crc32C, e.IsDeleted))]);
    }

    public async ValueTask<VolumeDigest> DigestAsync(CancellationToken cancellationToken)
    {
        using var builder = new VolumeDigestBuilder();
        ulong next = 0;
        List<IndexEntry> page;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            page = await CopyFromAsync(next, DigestPage);
            foreach (IndexEntry entry in page)
            {
                builder.Add(entry);
            }

            next = page.Count == 0 ? next : page[^1].Key + 1;
        }
        while (page.Count == DigestPage && next != 0);

        return builder.Finish();
    }

    /// <summary>At most so many entries from this key on, in order.</summary>
    private async ValueTask<List<IndexEntry>> CopyFromAsync(ulong first, int most)
    {
        while (true)
        {
            IndexFile? file;
            List<IndexEntry> inMemory;
            lock (_lock)
            {
                file = _index.File;
                inMemory = _index.CopyFrom(first, most);
            }

            if (file is null)
            {
                return inMemory;
            }

            var inFile = new List<IndexEntry>();
            if (await TryAsync(file, () => file.CopyFromAsync(first, most, inFile)))
            {
                return ChunkIndex.Merge([.. inMemory], [.. inFile], most);
            }
        }
    }

    /// <summary>
    /// What the index file knows of the key, and which file that is (null for none). What memory knows goes before, and
    /// under the lock the file must still be the same.
    /// </summary>
    private ValueTask<(IndexFile? File, IndexEntry? Known)> LookAsync(ulong key)
    {
        lock (_lock)
        {
            if (_index.File is null && _held is null)
            {
                return default;
            }
        }

        return LookInFileAsync(key);
    }

    private async ValueTask<(IndexFile? File, IndexEntry? Known)> LookInFileAsync(ulong key)
    {
        while (true)
        {
            await WhileHeldAsync();
            IndexFile? file;
            lock (_lock)
            {
                file = _index.File;
            }

            IndexEntry? known = null;
            if (file is null || await TryAsync(file, async () => known = await file.FindAsync(key)))
            {
                return (file, known);
            }
        }
    }

    private async ValueTask<(IndexFile? File, IndexEntry?[] Known)> LookAsync(ImmutableArray<ChunkKey> keys)
    {
        var known = new IndexEntry?[keys.Length];
        IndexFile? file = null;
        for (int i = 0; i < keys.Length; i++)
        {
            (IndexFile? found, known[i]) = await LookAsync(keys[i].Value);
            if (found is null)
            {
                return (null, new IndexEntry?[keys.Length]);
            }

            if (i > 0 && found != file)
            {
                i = -1; // another file since: from the beginning
            }

            file = found;
        }

        return (file, known);
    }

    /// <summary>
    /// What is known of the key (null when nothing is), and the log in which that holds, held for the caller.
    /// </summary>
    private async ValueTask<(IndexEntry? Entry, LogFile Log)> FindAsync(ulong key)
    {
        IndexFile? file = null;
        IndexEntry? known = null;
        while (true)
        {
            lock (_lock)
            {
                if (_index.TryGet(key, out IndexEntry entry))
                {
                    return (entry, _log.Hold());
                }

                if (_index.File == file)
                {
                    return (known, _log.Hold());
                }
            }

            (file, known) = await LookInFileAsync(key);
        }
    }

    /// <summary>Reads the index file; false when that must be tried again, the index having been made anew or moved.</summary>
    private async ValueTask<bool> TryAsync(IndexFile file, Func<ValueTask> read)
    {
        try
        {
            await read();
            return true;
        }
        catch (DiskException exception)
        {
            await RebuildAsync(file, exception);
            return false;
        }
        catch (ObjectDisposedException) when (IsReplaced(file))
        {
            return false;
        }
    }

    private bool IsReplaced(IndexFile file)
    {
        lock (_lock)
        {
            return _index.File != file;
        }
    }

    /// <summary>Makes the index anew from the log, unless somebody has done so meanwhile.</summary>
    /// <param name="file">The index file that is not believed any more.</param>
    /// <param name="cause">Why.</param>
    private async ValueTask RebuildAsync(IndexFile? file, DiskException? cause)
    {
        await TakeGateAsync();
        try
        {
            if (file is not null ? !IsReplaced(file) : !_isIndexProven)
            {
                StorageEvents.IndexUnusable(_context.Logger, cause, Id);
                await RebuildNeedsGateAsync();
            }
        }
        finally
        {
            _maintenance.Release();
        }

        await TidyIndexAsync();
    }

    private async ValueTask RebuildNeedsGateAsync()
    {
        LogPosition end;
        lock (_lock)
        {
            end = _writer?.Applied ?? LogPosition.Start;
        }

        var scanned = new ChunkIndex();
        string? damage;
        try
        {
            // Everything up to this place was flushed, and what is applied since is in memory.
            LogContents contents = await LogScan.RunAsync(
                _log.File, _log.Seed, LogPosition.Start, end.End, end.End, found => scanned.Add(OpenedLog.EntryOf(found), null));
            damage = contents.Damage;
        }
        catch (DiskException exception)
        {
            damage = exception.Message;
        }

        ChunkMap map = scanned.TakeMap();
        IndexFile? old;
        lock (_lock)
        {
            old = _index.Take(map);
            _isIndexProven = true;
            _isFailed |= damage is not null;
        }

        if (damage is not null)
        {
            StorageEvents.VolumeDamaged(_context.Logger, Id, damage);
        }

        await (old?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    /// <summary>Takes the index out of its file into memory: the volume is about to take appends.</summary>
    private async ValueTask LoadIndexNeedsGateAsync()
    {
        IndexFile? file;
        lock (_lock)
        {
            file = _index.File;
        }

        if (file is null)
        {
            return;
        }

        try
        {
            ChunkMap map = await OpenedLog.LoadAsync(file);
            lock (_lock)
            {
                _index.Take(map);
            }

            await file.DisposeAsync();
        }
        catch (DiskException exception)
        {
            StorageEvents.IndexUnusable(_context.Logger, exception, Id);
            await RebuildNeedsGateAsync();
        }
    }

    /// <summary>Moves a sealed volume's index into its file, when there is none yet or enough has come since.</summary>
    private async ValueTask TidyIndexAsync()
    {
        if (!IsUntidy())
        {
            return;
        }

        await _maintenance.WaitAsync();
        try
        {
            if (IsUntidy())
            {
                await SaveIndexNeedsGateAsync();
            }
        }
        finally
        {
            _maintenance.Release();
        }

        bool IsUntidy()
        {
            lock (_lock)
            {
                return _epoch.State == ReplicaState.Sealed
                    && !_isFailed
                    && !_isClosed
                    && _compacting is null
                    && (_index.File is null || _index.InMemory >= MergedAt);
            }
        }
    }

    /// <summary>
    /// Begins to write the index of an open volume when its log has grown by enough since: a start after a crash reads the
    /// log from there only.
    /// </summary>
    private void CheckpointNeedsLock(LogEntry entry)
    {
        if (entry.PayloadOffset >= _checkpointAt && _epoch.State == ReplicaState.Open && _checkpoint.IsCompleted)
        {
            _checkpointAt = entry.PayloadOffset + _context.Options.IndexCheckpointBytes;
            _checkpoint = CheckpointAsync();
        }
    }

    private async Task CheckpointAsync()
    {
        await Task.Yield(); // out of the lock, and off the log's thread
        await _maintenance.WaitAsync();
        try
        {
            bool isOpen;
            lock (_lock)
            {
                isOpen = _epoch.State == ReplicaState.Open && !_isFailed && !_isClosed;
            }

            if (isOpen)
            {
                await SaveIndexNeedsGateAsync(staysInMemory: true);
            }
        }
        finally
        {
            _maintenance.Release();
        }
    }

    private async ValueTask SaveIndexNeedsGateAsync(bool staysInMemory = false)
    {
        IndexHeader header;
        ChunkMap newer;
        IndexFile? file;
        lock (_lock)
        {
            header = HeaderNeedsLock();
            newer = _index.Freeze();
            file = _index.File;
        }

        try
        {
            IndexFile written = await IndexBuilder.WriteAsync(_context, header, MergeAsync(file, newer));
            lock (_lock)
            {
                _indexed = header.Position;
                if (staysInMemory)
                {
                    _index.Thaw();
                }
                else
                {
                    _index.Switch(written);
                }
            }

            await ((staysInMemory ? written : file)?.DisposeAsync() ?? ValueTask.CompletedTask);
            StorageEvents.IndexWritten(_context.Logger, Id, header.Entries, header.Live);
        }
        catch (DiskException exception)
        {
            StorageEvents.IndexNotWritten(_context.Logger, exception, Id);
            lock (_lock)
            {
                if (file is null)
                {
                    _index.Thaw();
                }
            }
        }
    }

    /// <summary>The index as it stands; more may have come since its position, which does no harm.</summary>
    private IndexHeader HeaderNeedsLock() => new(
        Id, _context.Node, _log.Salt, _writer!.Applied, _index.Entries, _index.Live, _index.LiveBytes, _epoch);

    /// <summary>The entries of a file and of a map above it, in order.</summary>
    private static async IAsyncEnumerable<IndexEntry> MergeAsync(IndexFile? file, ChunkMap upper)
    {
        using IEnumerator<IndexEntry> above = upper.Entries().GetEnumerator();
        bool hasAbove = above.MoveNext();
        if (file is not null)
        {
            await foreach (IndexEntry entry in file.EntriesAsync())
            {
                while (hasAbove && above.Current.Key < entry.Key)
                {
                    yield return above.Current;
                    hasAbove = above.MoveNext();
                }

                bool isHidden = hasAbove && above.Current.Key == entry.Key;
                yield return isHidden ? above.Current : entry;
                hasAbove = isHidden ? above.MoveNext() : hasAbove;
            }
        }

        while (hasAbove)
        {
            yield return above.Current;
            hasAbove = above.MoveNext();
        }
    }

    /// <summary>At a clean stop leaves an index file behind that spares the next start the log; closes the one in use.</summary>
    private async ValueTask CloseIndexAsync(bool isWhole)
    {
        await _maintenance.WaitAsync();
        try
        {
            bool isOld;
            lock (_lock)
            {
                _isClosed = true;
                isOld = isWhole && _writer!.Applied != _indexed;
            }

            if (isOld)
            {
                await SaveIndexNeedsGateAsync();
            }

            IndexFile? file;
            lock (_lock)
            {
                file = _index.File;
            }

            await (file?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
        finally
        {
            _maintenance.Release();
        }
    }
}

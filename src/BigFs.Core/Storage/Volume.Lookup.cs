using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <content>Looking keys up, and listing them, in whatever layers the index has.</content>
internal sealed partial class Volume
{
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
}

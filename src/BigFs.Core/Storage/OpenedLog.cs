namespace BigFs.Core.Storage;

/// <summary>A log as an opening finds it, with the index of its chunks.</summary>
/// <param name="Contents">Where it ends, its epoch, its damage.</param>
/// <param name="Index">Its chunks.</param>
/// <param name="Seed">Where its header checksums begin.</param>
/// <param name="Salt">Its salt.</param>
/// <param name="Indexed">Up to where an index file was believed; null when everything comes from the log.</param>
internal sealed record OpenedLog(LogContents Contents, ChunkIndex Index, uint Seed, Guid Salt, LogPosition? Indexed)
{
    /// <summary>A log of which nothing can be read.</summary>
    public static OpenedLog Unreadable(string damage) => new(
        new LogContents(new LogPosition(0, 0, 0, 0, true), null, 0, damage), new ChunkIndex(), 0, default, null);

    /// <summary>
    /// Reads the index file where there is one that fits the log, and the log from there on; the whole log otherwise.
    /// </summary>
    /// <exception cref="DiskException">The log could not be read.</exception>
    public static async ValueTask<OpenedLog> ReadAsync(
        VolumeContext context, Superblock block, IDiskFile log, bool hasIndex)
    {
        long durable = LogFormat.PageSize;
        if (hasIndex && await OpenIndexAsync(context, block) is { } file)
        {
            // Whatever its pages are like: the index was written after the log had been flushed up to this place.
            durable = file.Header.Position.End;
            OpenedLog? opened = await TryReadAsync(context, block, log, file);
            if (opened is not null)
            {
                return opened;
            }
        }

        uint seed = LogFormat.HeaderSeed(block.Salt);
        var index = new ChunkIndex();
        LogContents contents = await LogScan.RunAsync(
            log, seed, LogPosition.Start, durable, null, found => index.Add(EntryOf(found), null));
        contents = contents.Epoch is null ? contents with { Damage = contents.Damage ?? "no epoch record" } : contents;
        return new OpenedLog(contents, index, seed, block.Salt, null);
    }

    /// <summary>What the index notes of a record of the log: a chunk or a delete mark.</summary>
    public static IndexEntry EntryOf(in FoundRecord found) => found.Header.Kind == RecordKind.Chunk
        ? IndexEntry.Chunk(found.Header.Key, found.PayloadOffset, found.Header.Length, found.Header.Crc32C)
        : IndexEntry.Mark(found.Header.Key);

    /// <summary>All entries of a file as a map.</summary>
    /// <exception cref="DiskException">The file is damaged, or the disk failed.</exception>
    public static async ValueTask<ChunkMap> LoadAsync(IndexFile file)
    {
        var map = new ChunkMap();
        await foreach (IndexEntry entry in file.EntriesAsync())
        {
            map.Put(entry);
        }

        return map;
    }

    private static async ValueTask<IndexFile?> OpenIndexAsync(VolumeContext context, Superblock block)
    {
        IndexFile? file = null;
        DiskException? failure = null;
        try
        {
            file = await IndexFile.OpenAsync(context.Disk, context.IndexCache, context.IndexPathOf(block.Volume));
        }
        catch (DiskException exception)
        {
            failure = exception;
        }

        if (file is not null
            && (file.Header.Volume, file.Header.Node, file.Header.Salt) == (block.Volume, block.Node, block.Salt))
        {
            return file;
        }

        StorageEvents.IndexUnusable(context.Logger, failure, block.Volume);
        await (file?.DisposeAsync() ?? ValueTask.CompletedTask);
        return null;
    }

    /// <summary>Reads the log from where the index ends; null, and the file closed, when the two do not go together.</summary>
    private static async ValueTask<OpenedLog?> TryReadAsync(
        VolumeContext context, Superblock block, IDiskFile log, IndexFile file)
    {
        DiskException? failure = null;
        uint seed = LogFormat.HeaderSeed(block.Salt);
        LogPosition position = file.Header.Position;
        if (await log.GetLengthAsync() >= position.End && await LogScan.HasAsync(log, seed, position))
        {
            var tail = new ChunkMap();
            LogContents contents = await LogScan.RunAsync(log, seed, position, position.End, null, found =>
            {
                IndexEntry entry = EntryOf(found);
                tail.Put(tail.TryGet(entry.Key, out IndexEntry older) ? IndexEntry.Combine(older, entry) : entry);
            });
            contents = contents with { Epoch = contents.Epoch ?? file.Header.Epoch };
            try
            {
                ChunkIndex index = await IndexAsync(file, tail, contents.Epoch.State == ReplicaState.Open);
                await (index.File is null ? file.DisposeAsync() : ValueTask.CompletedTask);
                return new OpenedLog(contents, index, seed, block.Salt, position);
            }
            catch (DiskException exception)
            {
                failure = exception;
            }
        }

        StorageEvents.IndexUnusable(context.Logger, failure, block.Volume);
        await file.DisposeAsync();
        return null;
    }

    private static async ValueTask<ChunkIndex> IndexAsync(IndexFile file, ChunkMap tail, bool inMemory)
    {
        ChunkIndex index;
        if (inMemory)
        {
            index = new ChunkIndex();
            index.Take(await LoadAsync(file));
        }
        else
        {
            index = new ChunkIndex(file);
        }

        foreach (IndexEntry entry in tail.Entries())
        {
            index.Add(entry, inMemory ? null : await file.FindAsync(entry.Key));
        }

        return index;
    }
}

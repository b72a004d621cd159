using BigFs.Core.Faults;

namespace BigFs.Core.Storage;

/// <summary>
/// Writes an index file from entries that come in the order of their keys: under a temporary name first, so that an index
/// is whole or absent.
/// </summary>
internal sealed class IndexBuilder
{
    private const int BufferLength = 1 << 20;

    private readonly IDiskFile _file;
    private readonly ChunkBuffer _buffer;
    private readonly uint _seed;
    private readonly List<ulong> _firstKeys = [];
    private long _written = IndexFormat.PageSize;
    private int _filled;
    private int _inPage;
    private int _pages;

    private IndexBuilder(IDiskFile file, ChunkBuffer buffer, uint seed)
    {
        _file = file;
        _buffer = buffer;
        _seed = seed;
    }

    /// <summary>Replaces the volume's index file, durably, and opens it.</summary>
    /// <param name="context">What the node's volumes share.</param>
    /// <param name="header">The header; its number of entries is that of the entries.</param>
    /// <param name="entries">The entries, by rising keys.</param>
    /// <exception cref="DiskException">The disk refused or failed; an older index may stand or not.</exception>
    public static async ValueTask<IndexFile> WriteAsync(
        VolumeContext context, IndexHeader header, IAsyncEnumerable<IndexEntry> entries)
    {
        string temporary = context.TemporaryIndexPathOf(header.Volume);
        string path = context.IndexPathOf(header.Volume);
        await WriteFileAsync(context, temporary, header, entries);
        CrashPoint.Reach("index.before-rename");
        await context.Disk.RenameAsync(temporary, path);
        CrashPoint.Reach("index.before-directory-sync");
        await context.Disk.SyncDirectoryAsync(context.Folder);
        CrashPoint.Reach("index.after-directory-sync");
        return await IndexFile.OpenAsync(context.Disk, context.IndexCache, path)
            ?? throw new DiskException($"\"{path}\" was not written as it was meant to be.");
    }

    /// <summary>Writes and syncs an index under a temporary name; nothing is left of it after a failure.</summary>
    public static async ValueTask WriteFileAsync(
        VolumeContext context, string temporary, IndexHeader header, IAsyncEnumerable<IndexEntry> entries)
    {
        try
        {
            CrashPoint.Reach("index.before-write");
            await using IDiskFile file = await context.Disk.CreateFileAsync(temporary);
            using ChunkBuffer buffer = await context.Shared.Gather.RentAsync(
                BufferLength - ChunkBuffer.HeadLength, CancellationToken.None);
            var builder = new IndexBuilder(file, buffer, IndexFormat.PageSeed(header.Position, header.Salt));
            await builder.AddAsync(entries);
            await builder.EndAsync(header);
            CrashPoint.Reach("index.before-sync");
            await file.SyncAsync();
        }
        catch (DiskException)
        {
            await context.TryDeleteAsync(temporary);
            throw;
        }
    }

    private async ValueTask AddAsync(IAsyncEnumerable<IndexEntry> entries)
    {
        await foreach (IndexEntry entry in entries)
        {
            if (_inPage == IndexFormat.LeafEntries)
            {
                await ClosePageAsync(0);
            }

            if (_inPage == 0)
            {
                _firstKeys.Add(entry.Key);
            }

            IndexFormat.WriteEntry(_buffer.GetSpan()[_filled..], _inPage++, entry);
        }
    }

    /// <summary>Writes the levels above the leaves, and the header last.</summary>
    private async ValueTask EndAsync(IndexHeader header)
    {
        if (_inPage > 0)
        {
            await ClosePageAsync(0);
        }

        ulong[] below = [.. _firstKeys];
        for (int level = 1; below.Length > 1; level++)
        {
            var firsts = new List<ulong>();
            foreach (ulong key in below)
            {
                if (_inPage == 0)
                {
                    firsts.Add(key);
                }

                IndexFormat.WriteKey(_buffer.GetSpan()[_filled..], _inPage++, key);
                if (_inPage == IndexFormat.BranchKeys)
                {
                    await ClosePageAsync(level);
                }
            }

            if (_inPage > 0)
            {
                await ClosePageAsync(level);
            }

            below = [.. firsts];
        }

        await FlushAsync();
        IndexFormat.WriteHeader(_buffer.GetSpan(), header);
        await _file.WriteAsync(0, _buffer.Memory[..IndexFormat.PageSize]);
    }

    private async ValueTask ClosePageAsync(int level)
    {
        IndexFormat.ClosePage(
            _buffer.GetSpan().Slice(_filled, IndexFormat.PageSize), _seed, ++_pages, level, _inPage);
        _inPage = 0;
        _filled += IndexFormat.PageSize;
        if (_filled + IndexFormat.PageSize > BufferLength)
        {
            await FlushAsync();
        }
    }

    private async ValueTask FlushAsync()
    {
        await _file.WriteAsync(_written, _buffer.Memory[.._filled]);
        _written += _filled;
        _filled = 0;
    }
}

namespace BigFs.Core.Storage;

/// <summary>An operation of a <see cref="MemoryDisk"/>, for those who inject failures.</summary>
internal enum DiskOperation
{
    /// <summary>Reading bytes.</summary>
    Read = 1,

    /// <summary>Writing bytes.</summary>
    Write = 2,

    /// <summary>Syncing a file.</summary>
    Sync = 3,

    /// <summary>Extending or truncating a file.</summary>
    Resize = 4,

    /// <summary>Creating, renaming or removing a file.</summary>
    Name = 5,

    /// <summary>Syncing a directory.</summary>
    SyncDirectory = 6,
}

/// <summary>
/// A disk in memory, for clusters that keep nothing and for tests. It keeps apart what was not synced: <see cref="Crash"/>
/// is a loss of power. Everything completes synchronously.
/// </summary>
public sealed class MemoryDisk : IDisk
{
    private readonly Lock _lock = new();
    private readonly long _capacity;
    private readonly SortedDictionary<string, MemoryFile> _names = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, MemoryFile> _durableNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> _lockedDirectories = [];
    private long _incarnation;

    /// <summary>Makes an empty disk.</summary>
    /// <param name="capacityBytes">Its size; 1 TiB by default (memory is taken as it is written).</param>
    public MemoryDisk(long capacityBytes = 1L << 40) => _capacity = capacityBytes;

    /// <summary>
    /// Asked before each operation (with the file's path): an exception that it returns is thrown instead. Null (default):
    /// nothing fails.
    /// </summary>
    internal Func<DiskOperation, string, DiskException?>? Fault { get; set; }

    /// <inheritdoc/>
    public BigFsDurability Durability => BigFsDurability.Memory;

    /// <summary>
    /// Loses the power: files opened before are unusable, locks are gone, and of what was not synced each sector of 512
    /// bytes, each file's length and each directory's names survive or not as the dice fall.
    /// </summary>
    /// <param name="dice">The source of chance; null: everything that was not synced is lost.</param>
    internal void Crash(Random? dice = null)
    {
        lock (_lock)
        {
            _incarnation++;
            _lockedDirectories.Clear();
            foreach (IGrouping<string, string> directory in
                _names.Keys.Union(_durableNames.Keys).Order(StringComparer.Ordinal).GroupBy(DirectoryOf).ToList())
            {
                if (dice?.Next(2) == 1)
                {
                    CopyNames(directory.Key, _names, _durableNames);
                }
                else
                {
                    CopyNames(directory.Key, _durableNames, _names);
                }
            }

            foreach (MemoryFile file in _names.Values)
            {
                file.Crash(dice);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask CreateDirectoryAsync(string directory) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory)
    {
        lock (_lock)
        {
            return _lockedDirectories.Add(directory)
                ? ValueTask.FromResult<IAsyncDisposable>(new DirectoryLock(this, directory, _incarnation))
                : throw Folders.InUse(directory);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory)
    {
        lock (_lock)
        {
            return ValueTask.FromResult<IReadOnlyList<string>>(
                [.. _names.Keys.Where(path => DirectoryOf(path) == directory).Select(path => Path.GetFileName(path))]);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IDiskFile> OpenFileAsync(string path)
    {
        lock (_lock)
        {
            return _names.TryGetValue(path, out MemoryFile? file)
                ? ValueTask.FromResult<IDiskFile>(new Opened(this, path, file, _incarnation))
                : throw new DiskException($"open of \"{path}\" failed: there is no such file.");
        }
    }

    /// <inheritdoc/>
    public ValueTask<IDiskFile> CreateFileAsync(string path)
    {
        Ask(DiskOperation.Name, path);
        lock (_lock)
        {
            var file = new MemoryFile();
            _names[path] = file;
            return ValueTask.FromResult<IDiskFile>(new Opened(this, path, file, _incarnation));
        }
    }

    /// <inheritdoc/>
    public ValueTask RenameAsync(string from, string to)
    {
        Ask(DiskOperation.Name, from);
        lock (_lock)
        {
            if (!_names.Remove(from, out MemoryFile? file))
            {
                throw new DiskException($"rename of \"{from}\" failed: there is no such file.");
            }

            _names[to] = file;
            return ValueTask.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public ValueTask DeleteFileAsync(string path)
    {
        Ask(DiskOperation.Name, path);
        lock (_lock)
        {
            _names.Remove(path);
            return ValueTask.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public ValueTask SyncDirectoryAsync(string directory)
    {
        Ask(DiskOperation.SyncDirectory, directory);
        lock (_lock)
        {
            CopyNames(directory, _names, _durableNames);
            return ValueTask.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public ValueTask<long> GetFreeBytesAsync(string directory)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(FreeBytesNeedsLock());
        }
    }

    /// <summary>Does nothing: the content lives as long as the object.</summary>
    public void Dispose()
    {
        // Memory only.
    }

    private static string DirectoryOf(string path) => Path.GetDirectoryName(path) ?? "";

    private static void CopyNames(
        string directory, SortedDictionary<string, MemoryFile> from, SortedDictionary<string, MemoryFile> to)
    {
        foreach (string path in to.Keys.Where(path => DirectoryOf(path) == directory).ToList())
        {
            to.Remove(path);
        }

        foreach (string path in from.Keys.Where(path => DirectoryOf(path) == directory))
        {
            to[path] = from[path];
        }
    }

    private long FreeBytesNeedsLock() => _capacity - _names.Values.Sum(file => file.Length);

    private void Ask(DiskOperation operation, string path)
    {
        if (Fault?.Invoke(operation, path) is { } failure)
        {
            throw failure;
        }
    }

    private sealed class DirectoryLock(MemoryDisk disk, string directory, long incarnation) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            lock (disk._lock)
            {
                if (disk._incarnation == incarnation)
                {
                    disk._lockedDirectories.Remove(directory);
                }
            }

            return ValueTask.CompletedTask;
        }
    }

    private sealed class Opened(MemoryDisk disk, string path, MemoryFile file, long incarnation) : IDiskFile
    {
        private bool _closed;

        public ValueTask<long> GetLengthAsync()
        {
            Check(null);
            return ValueTask.FromResult(file.Length);
        }

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination)
        {
            Check(DiskOperation.Read);
            return ValueTask.FromResult(file.Read(offset, destination.Span));
        }

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes)
        {
            Check(DiskOperation.Write);
            Reserve(offset + bytes.Length);
            file.Write(offset, bytes.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask SyncAsync()
        {
            Check(DiskOperation.Sync);
            file.Sync();
            return ValueTask.CompletedTask;
        }

        public ValueTask ExtendAsync(long length)
        {
            Check(DiskOperation.Resize);
            Reserve(length);
            file.Extend(length);
            return ValueTask.CompletedTask;
        }

        public ValueTask TruncateAsync(long length)
        {
            Check(DiskOperation.Resize);
            file.Truncate(length);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            _closed = true;
            return ValueTask.CompletedTask;
        }

        private void Reserve(long length)
        {
            lock (disk._lock)
            {
                if (length - file.Length > disk.FreeBytesNeedsLock())
                {
                    throw new DiskException($"\"{path}\" cannot grow: the disk is full.", isOutOfSpace: true);
                }
            }
        }

        private void Check(DiskOperation? operation)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            lock (disk._lock)
            {
                if (disk._incarnation != incarnation)
                {
                    throw new DiskException($"\"{path}\" was opened before the crash.");
                }
            }

            if (operation is { } asked)
            {
                disk.Ask(asked, path);
            }
        }
    }
}

using System.Collections.Concurrent;
using BigFs.Core.Storage;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>What a <see cref="FaultyDisk"/> can fail.</summary>
internal enum FailingCall
{
    /// <summary>Writing to a volume's log.</summary>
    Write,

    /// <summary>Flushing a volume's log.</summary>
    Sync,

    /// <summary>Syncing a directory.</summary>
    SyncDirectory,
}

/// <summary>A real disk of which some calls fail on demand, as with EIO or ENOSPC. Counts flushes that failed, by file.</summary>
internal sealed class FaultyDisk(IDisk disk) : IDisk
{
    private readonly ConcurrentDictionary<string, int> _failedFlushes = new();
    private (FailingCall Call, bool IsFull)? _failing;

    /// <summary>How often the flush of each file failed.</summary>
    public IReadOnlyDictionary<string, int> FailedFlushes => _failedFlushes;

    public BigFsDurability Durability => disk.Durability;

    public void Fail(FailingCall call, bool isFull) => _failing = (call, isFull);

    public void Heal() => _failing = null;

    public ValueTask CreateDirectoryAsync(string directory) => disk.CreateDirectoryAsync(directory);

    public ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory) => disk.LockDirectoryAsync(directory);

    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory) => disk.ListFilesAsync(directory);

    public async ValueTask<IDiskFile> OpenFileAsync(string path) =>
        new Opened(this, path, await disk.OpenFileAsync(path).ConfigureAwait(false));

    public async ValueTask<IDiskFile> CreateFileAsync(string path) =>
        new Opened(this, path, await disk.CreateFileAsync(path).ConfigureAwait(false));

    public ValueTask RenameAsync(string from, string to) => disk.RenameAsync(from, to);

    public ValueTask DeleteFileAsync(string path) => disk.DeleteFileAsync(path);

    public ValueTask SyncDirectoryAsync(string directory)
    {
        Check(FailingCall.SyncDirectory, directory);
        return disk.SyncDirectoryAsync(directory);
    }

    public ValueTask<long> GetFreeBytesAsync(string directory) => disk.GetFreeBytesAsync(directory);

    public void Dispose() => disk.Dispose();

    private void Check(FailingCall call, string path)
    {
        if (_failing is not { } failing || failing.Call != call)
        {
            return;
        }

        if (call == FailingCall.Sync)
        {
            _failedFlushes.AddOrUpdate(path, 1, (_, count) => count + 1);
        }

        throw new DiskException($"{call} of \"{path}\" failed: injected", failing.IsFull);
    }

    private sealed class Opened(FaultyDisk owner, string path, IDiskFile file) : IDiskFile
    {
        public ValueTask<long> GetLengthAsync() => file.GetLengthAsync();

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) => file.ReadAsync(offset, destination);

        public ValueTask<int> ReadPastCacheAsync(long offset, Memory<byte> destination) =>
            file.ReadPastCacheAsync(offset, destination);

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes)
        {
            owner.Check(FailingCall.Write, path);
            return file.WriteAsync(offset, bytes);
        }

        public ValueTask SyncAsync()
        {
            owner.Check(FailingCall.Sync, path);
            return file.SyncAsync();
        }

        public ValueTask ExtendAsync(long length) => file.ExtendAsync(length);

        public ValueTask TruncateAsync(long length) => file.TruncateAsync(length);

        public ValueTask DisposeAsync() => file.DisposeAsync();
    }
}

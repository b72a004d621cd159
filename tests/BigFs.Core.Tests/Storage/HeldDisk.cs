using BigFs.Core.Storage;

namespace BigFs.Core.Tests.Storage;

/// <summary>A disk in memory whose flushes a test holds back.</summary>
internal sealed class HeldDisk : IDisk
{
    private readonly MemoryDisk _disk = new();
    private readonly SemaphoreSlim _held = new(0);
    private TaskCompletionSource _free = Freed();

    public BigFsDurability Durability => _disk.Durability;

    /// <summary>Holds flushes back from now on.</summary>
    public void Hold() => _free = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits until a flush is held back.</summary>
    public async Task SomeFlushIsHeldAsync() =>
        NUnit.Framework.Assert.That(await _held.WaitAsync(TimeSpan.FromSeconds(10)), "no flush came");

    /// <summary>Lets those that are held go, and those to come.</summary>
    public void Release() => _free.SetResult();

    public ValueTask CreateDirectoryAsync(string directory) => _disk.CreateDirectoryAsync(directory);

    public ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory) => _disk.LockDirectoryAsync(directory);

    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory) => _disk.ListFilesAsync(directory);

    public async ValueTask<IDiskFile> OpenFileAsync(string path) => new HeldFile(this, await _disk.OpenFileAsync(path));

    public async ValueTask<IDiskFile> CreateFileAsync(string path) => new HeldFile(this, await _disk.CreateFileAsync(path));

    public ValueTask RenameAsync(string from, string to) => _disk.RenameAsync(from, to);

    public ValueTask DeleteFileAsync(string path) => _disk.DeleteFileAsync(path);

    public ValueTask SyncDirectoryAsync(string directory) => _disk.SyncDirectoryAsync(directory);

    public ValueTask<long> GetFreeBytesAsync(string directory) => _disk.GetFreeBytesAsync(directory);

    public void Dispose()
    {
        _held.Dispose();
        _disk.Dispose();
    }

    private static TaskCompletionSource Freed()
    {
        var free = new TaskCompletionSource();
        free.SetResult();
        return free;
    }

    private async ValueTask PassAsync()
    {
        Task free = _free.Task;
        if (!free.IsCompleted)
        {
            _held.Release();
            await free;
        }
    }

    private sealed class HeldFile(HeldDisk disk, IDiskFile file) : IDiskFile
    {
        public ValueTask<long> GetLengthAsync() => file.GetLengthAsync();

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) => file.ReadAsync(offset, destination);

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes) => file.WriteAsync(offset, bytes);

        public async ValueTask SyncAsync()
        {
            await disk.PassAsync();
            await file.SyncAsync();
        }

        public ValueTask ExtendAsync(long length) => file.ExtendAsync(length);

        public ValueTask TruncateAsync(long length) => file.TruncateAsync(length);

        public ValueTask DisposeAsync() => file.DisposeAsync();
    }
}

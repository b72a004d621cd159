using System.Runtime.InteropServices;
using BigFs.Core.Threading;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>
/// The disks of a Linux machine by the C library's own calls: direct writes, checked syncs. Blocking calls run on threads
/// of its own, writes and reads apart, so that a slow flush holds no reader up.
/// </summary>
public sealed class PosixDisk : IDisk
{
    private readonly BlockingThreads _writers;
    private readonly BlockingThreads _readers;

    /// <summary>Makes a disk; one may serve any number of folders.</summary>
    /// <param name="threads">
    /// Most threads for writes and syncs, beside those that callers lend, and as many for reads; 1 or more, default 4.
    /// </param>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux.</exception>
    public PosixDisk(int threads = 4)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Use PortableDisk on this system.");
        }

        _writers = new BlockingThreads("bigfs-disk-write", threads);
        _readers = new BlockingThreads("bigfs-disk-read", threads);
    }

    /// <inheritdoc/>
    public BigFsDurability Durability => BigFsDurability.Flushed;

    /// <inheritdoc/>
    public ValueTask CreateDirectoryAsync(string directory) => _writers.RunAsync(() => Folders.Create(directory));

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory) => await _writers.RunAsync(() =>
    {
        string path = Path.Combine(directory, "lock");
        SafeFileHandle handle = OpenHandle(path, Libc.ReadWrite | Libc.Create);
        if (Libc.Lock(handle, Libc.LockExclusiveNow) == 0)
        {
            return new FolderLock(handle);
        }

        int error = Marshal.GetLastPInvokeError();
        handle.Dispose();
        throw error == Libc.ErrorAgain ? Folders.InUse(directory) : Libc.Error("lock", path, error);
    });

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory) =>
        _readers.RunAsync(() => Folders.List(directory));

    /// <inheritdoc/>
    public ValueTask<IDiskFile> OpenFileAsync(string path) => _writers.RunAsync(() => Open(path, 0));

    /// <inheritdoc/>
    public ValueTask<IDiskFile> CreateFileAsync(string path) => _writers.RunAsync(() =>
    {
        Folders.Delete(path);
        return Open(path, Libc.Create);
    });

    /// <inheritdoc/>
    public ValueTask RenameAsync(string from, string to) => _writers.RunAsync(() => Folders.Rename(from, to));

    /// <inheritdoc/>
    public ValueTask DeleteFileAsync(string path) => _writers.RunAsync(() => Folders.Delete(path));

    /// <inheritdoc/>
    public ValueTask SyncDirectoryAsync(string directory) => _writers.RunAsync(() => Folders.Sync(directory));

    /// <inheritdoc/>
    public ValueTask<long> GetFreeBytesAsync(string directory) =>
        _writers.RunAsync(() => Folders.FreeBytes(directory));

    /// <summary>Ends the threads. Files that are still open can only be closed afterwards.</summary>
    public void Dispose()
    {
        _writers.Dispose();
        _readers.Dispose();
    }

    private static SafeFileHandle OpenHandle(string path, int flags)
    {
        SafeFileHandle handle = Libc.Open(path, flags | Libc.CloseOnExec);
        return handle.IsInvalid ? throw Libc.Error("open", path, Marshal.GetLastPInvokeError()) : handle;
    }

    private IDiskFile Open(string path, int create)
    {
        SafeFileHandle buffered = OpenHandle(path, Libc.ReadWrite | create);
        SafeFileHandle direct = Libc.Open(path, Libc.ReadWrite | Libc.CloseOnExec | Libc.Direct);
        if (!direct.IsInvalid)
        {
            return new PosixFile(path, buffered, direct, _writers, _readers);
        }

        // Some file systems (tmpfs of older kernels, network ones) refuse O_DIRECT: everything goes through the cache.
        int error = Marshal.GetLastPInvokeError();
        direct.Dispose();
        if (error == Libc.ErrorInvalid)
        {
            return new PosixFile(path, buffered, null, _writers, _readers);
        }

        buffered.Dispose();
        throw Libc.Error("open", path, error);
    }

    private sealed class FolderLock(SafeFileHandle handle) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            handle.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

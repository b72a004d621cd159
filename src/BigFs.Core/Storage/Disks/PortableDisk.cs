using System.Runtime.InteropServices;
using BigFs.Core.Threading;
using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>The disks of any system by .NET's own calls, through its cache: correct before fast.</summary>
public sealed class PortableDisk : IDisk
{
    private readonly BlockingThreads _threads;

    /// <summary>Makes a disk; one may serve any number of folders.</summary>
    /// <param name="threads">Most threads for blocking calls, 1 or more; default 4.</param>
    public PortableDisk(int threads = 4) => _threads = new BlockingThreads("bigfs-disk", threads);

    /// <inheritdoc/>
    public BigFsDurability Durability => BigFsDurability.Flushed;

    /// <inheritdoc/>
    public ValueTask CreateDirectoryAsync(string directory) => _threads.RunAsync(() => Folders.Create(directory));

    /// <inheritdoc/>
    public async ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory) => await _threads.RunAsync(() =>
    {
        try
        {
            return new FileStream(
                Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Folders.InUse(directory, exception);
        }
    });

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory) =>
        _threads.RunAsync(() => Folders.List(directory));

    /// <inheritdoc/>
    public ValueTask<IDiskFile> OpenFileAsync(string path) => Open(path, FileMode.Open);

    /// <inheritdoc/>
    public ValueTask<IDiskFile> CreateFileAsync(string path) => Open(path, FileMode.Create);

    /// <inheritdoc/>
    public ValueTask RenameAsync(string from, string to) => _threads.RunAsync(() => Folders.Rename(from, to));

    /// <inheritdoc/>
    public ValueTask DeleteFileAsync(string path) => _threads.RunAsync(() => Folders.Delete(path));

    /// <inheritdoc/>
    public ValueTask SyncDirectoryAsync(string directory) => _threads.RunAsync(() => Folders.Sync(directory));

    /// <inheritdoc/>
    public ValueTask<long> GetFreeBytesAsync(string directory) =>
        _threads.RunAsync(() => Folders.FreeBytes(directory));

    /// <inheritdoc/>
    public void Dispose() => _threads.Dispose();

    private ValueTask<IDiskFile> Open(string path, FileMode mode) =>
        _threads.RunAsync<IDiskFile>(() => Folders.Translate("open", path, () => new PortableFile(
            path,
            File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete),
            _threads)));

    private sealed class PortableFile(string path, SafeFileHandle handle, BlockingThreads threads) : IDiskFile
    {
        public ValueTask<long> GetLengthAsync() => Run("length", () => RandomAccess.GetLength(handle));

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) => Run("read", () =>
        {
            int done = 0;
            int count = -1;
            while (done < destination.Length && count != 0)
            {
                count = RandomAccess.Read(handle, destination.Span[done..], offset + done);
                done += count;
            }

            return done;
        });

        public async ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes) => await Run("write", () =>
        {
            RandomAccess.Write(handle, bytes.Span, offset);
            return true;
        });

        public async ValueTask SyncAsync() => await Run("flush", Flush);

        public async ValueTask ExtendAsync(long length) => await Run("extension", () =>
        {
            if (RandomAccess.GetLength(handle) < length)
            {
                RandomAccess.SetLength(handle, length);
            }

            return true;
        });

        public async ValueTask TruncateAsync(long length) => await Run("truncation", () =>
        {
            RandomAccess.SetLength(handle, length);
            return true;
        });

        public ValueTask DisposeAsync()
        {
            handle.Dispose();
            return ValueTask.CompletedTask;
        }

        private bool Flush()
        {
            if (OperatingSystem.IsWindows())
            {
#pragma warning disable RS0030 // Banned for its silence on Linux; on Windows it reports every failure.
                RandomAccess.FlushToDisk(handle);
#pragma warning restore RS0030
            }
            else if (Libc.SyncData(handle) != 0)
            {
                throw Libc.Error("flush", path, Marshal.GetLastPInvokeError());
            }

            return true;
        }

        private ValueTask<T> Run<T>(string operation, Func<T> work) =>
            threads.RunAsync(() => Folders.Translate(operation, path, work));
    }
}

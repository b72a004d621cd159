using BigFs.Core.Storage;

namespace BigFs.Core.Tests.Storage;

/// <summary>A disk in memory that does write the zeros it is asked for, and remembers where and how much was in use then.</summary>
internal sealed class ZeroingDisk(MemoryDisk disk) : IDisk
{
    /// <summary>Zeros that were asked for: where, how many, the end of all other writes before, and the file's length.</summary>
    public List<(long Offset, int Length, long Written, long FileLength)> Zeros { get; } = [];

    public BigFsDurability Durability => disk.Durability;

    public ValueTask CreateDirectoryAsync(string directory) => disk.CreateDirectoryAsync(directory);

    public ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory) => disk.LockDirectoryAsync(directory);

    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory) => disk.ListFilesAsync(directory);

    public async ValueTask<IDiskFile> OpenFileAsync(string path) => new ZeroingFile(this, await disk.OpenFileAsync(path));

    public async ValueTask<IDiskFile> CreateFileAsync(string path) => new ZeroingFile(this, await disk.CreateFileAsync(path));

    public ValueTask RenameAsync(string from, string to) => disk.RenameAsync(from, to);

    public ValueTask DeleteFileAsync(string path) => disk.DeleteFileAsync(path);

    public ValueTask SyncDirectoryAsync(string directory) => disk.SyncDirectoryAsync(directory);

    public ValueTask<long> GetFreeBytesAsync(string directory) => disk.GetFreeBytesAsync(directory);

    public void Dispose()
    {
    }

    private sealed class ZeroingFile(ZeroingDisk owner, IDiskFile file) : IDiskFile
    {
        private long _written;

        public ValueTask<long> GetLengthAsync() => file.GetLengthAsync();

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) => file.ReadAsync(offset, destination);

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes)
        {
            _written = Math.Max(_written, offset + bytes.Length);
            return file.WriteAsync(offset, bytes);
        }

        public async ValueTask ZeroAsync(long offset, int length)
        {
            owner.Zeros.Add((offset, length, _written, await file.GetLengthAsync()));
            await file.WriteAsync(offset, new byte[length]);
        }

        public ValueTask SyncAsync() => file.SyncAsync();

        public ValueTask ExtendAsync(long length) => file.ExtendAsync(length);

        public ValueTask TruncateAsync(long length) => file.TruncateAsync(length);

        public ValueTask DisposeAsync() => file.DisposeAsync();
    }
}

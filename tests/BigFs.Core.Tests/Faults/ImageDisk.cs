using BigFs.Core.Storage;

namespace BigFs.Core.Tests.Faults;

/// <summary>A disk on which every file holds the same bytes, and is only read. Everything completes at once.</summary>
internal sealed class ImageDisk(byte[] image) : IDisk
{
    public BigFsDurability Durability => BigFsDurability.Memory;

    public ValueTask<IDiskFile> OpenFileAsync(string path) => new(new Image(image));

    public ValueTask CreateDirectoryAsync(string directory) => throw new NotSupportedException();

    public ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory) => throw new NotSupportedException();

    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory) => throw new NotSupportedException();

    public ValueTask<IDiskFile> CreateFileAsync(string path) => throw new NotSupportedException();

    public ValueTask RenameAsync(string from, string to) => throw new NotSupportedException();

    public ValueTask DeleteFileAsync(string path) => throw new NotSupportedException();

    public ValueTask SyncDirectoryAsync(string directory) => throw new NotSupportedException();

    public ValueTask<long> GetFreeBytesAsync(string directory) => throw new NotSupportedException();

    public void Dispose()
    {
        // Memory only.
    }

    /// <summary>One of its files.</summary>
    public sealed class Image(byte[] image) : IDiskFile
    {
        public ValueTask<long> GetLengthAsync() => new(image.Length);

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination)
        {
            int count = (int)Math.Clamp(image.Length - offset, 0, destination.Length);
            image.AsSpan((int)Math.Min(offset, image.Length), count).CopyTo(destination.Span);
            return new ValueTask<int>(count);
        }

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes) => throw new NotSupportedException();

        public ValueTask SyncAsync() => throw new NotSupportedException();

        public ValueTask ExtendAsync(long length) => throw new NotSupportedException();

        public ValueTask TruncateAsync(long length) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

using Microsoft.Win32.SafeHandles;

namespace BigFs.Core.Storage;

/// <summary>
/// A disk as BigFS uses it: positioned reads and writes, and explicit syncs of data and of directories. Nothing is
/// durable before its sync has returned. Paths are absolute. Failures are <see cref="DiskException"/>s. Thread-safe;
/// calls on one file may overlap.
/// </summary>
public interface IDisk : IDisposable
{
    /// <summary>What a sync on this disk means.</summary>
    BigFsDurability Durability { get; }

    /// <summary>Makes the directory and its missing parents, durably; nothing when it exists.</summary>
    ValueTask CreateDirectoryAsync(string directory);

    /// <summary>Takes the directory for this opener alone, until the result is disposed.</summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.DataInUse"/>: another opener has it.</exception>
    ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory);

    /// <summary>Names of the files in the directory, in ordinal order; directories are left out.</summary>
    ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory);

    /// <summary>Opens a file that exists, for reading and writing.</summary>
    ValueTask<IDiskFile> OpenFileAsync(string path);

    /// <summary>Makes an empty file, in place of one that exists. Its name is durable after a directory sync.</summary>
    ValueTask<IDiskFile> CreateFileAsync(string path);

    /// <summary>Renames a file within its directory, replacing the target atomically; durable after a directory sync.</summary>
    ValueTask RenameAsync(string from, string to);

    /// <summary>Removes a file; durable after a directory sync.</summary>
    ValueTask DeleteFileAsync(string path);

    /// <summary>Makes creations, renames and removals in the directory durable.</summary>
    ValueTask SyncDirectoryAsync(string directory);

    /// <summary>Bytes that can still be written to the disk that holds the directory.</summary>
    ValueTask<long> GetFreeBytesAsync(string directory);
}

/// <summary>An open file. Disposing closes it; calls under way end first.</summary>
public interface IDiskFile : IAsyncDisposable
{
    /// <summary>
    /// The system's handle for reading through its cache, valid until the file is closed; null when there is none. Default
    /// null.
    /// </summary>
    SafeFileHandle? Handle => null;

    /// <summary>
    /// Leaves the caller's stack for the place where this file's writes are made, so that a chain of them needs no change of
    /// threads. By default anywhere.
    /// </summary>
    async ValueTask EnterWriterAsync() => await Task.Yield();

    /// <summary>Length in bytes, prepared space included.</summary>
    ValueTask<long> GetLengthAsync();

    /// <summary>
    /// Reads until the destination is full or the file ends, and returns how many bytes that were.
    /// </summary>
    ValueTask<int> ReadAsync(long offset, Memory<byte> destination);

    /// <summary>
    /// As <see cref="ReadAsync"/>, but from the disk itself, not from the page cache, if the file system allows it.
    /// </summary>
    ValueTask<int> ReadPastCacheAsync(long offset, Memory<byte> destination) => ReadAsync(offset, destination);

    /// <summary>
    /// Writes all bytes. Where offset, length and memory are multiples of 4 KiB the page cache is passed by, if the file
    /// system allows it. After a failure any part of the range may have been written.
    /// </summary>
    ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes);

    /// <summary>
    /// Makes everything written so far durable. After a failure nothing is known about unsynced bytes, and a second call
    /// would prove nothing: never retry.
    /// </summary>
    ValueTask SyncAsync();

    /// <summary>Extends the file to this length with reserved space that reads as zeros.</summary>
    ValueTask ExtendAsync(long length);

    /// <summary>
    /// Writes zeros into reserved space, if that makes later flushes of what is written there cheaper; else does nothing. It
    /// reads as zeros before and after.
    /// </summary>
    ValueTask ZeroAsync(long offset, int length) => ValueTask.CompletedTask;

    /// <summary>Cuts the file to this length; durable after a sync.</summary>
    ValueTask TruncateAsync(long length);
}

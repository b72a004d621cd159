using BigFs.Core.Storage;

namespace BigFs.Core.Tests.Faults;

/// <summary>
/// A disk in memory that remembers, for one file, every write, change of length and sync in order, so that what a crash
/// leaves of it can be put together for every moment.
/// </summary>
internal sealed class WriteLog(MemoryDisk disk, string path) : IDisk
{
    private const int SectorLength = 512;

    private readonly List<Change> _changes = [];

    /// <summary>Changes so far; a moment is a number of them.</summary>
    public int Count => _changes.Count;

    public BigFsDurability Durability => disk.Durability;

    /// <summary>
    /// The file as a crash at the moment leaves it: everything up to the last sync, and of what came after it each sector and
    /// each change of length, or not, as the dice fall. Without dice nothing is lost.
    /// </summary>
    public byte[] ImageAt(int moment, Random? dice)
    {
        int synced = dice is null ? moment : _changes.FindLastIndex(moment - 1, change => change.Kind == ChangeKind.Sync) + 1;
        var image = new MemoryStream();
        for (int i = 0; i < moment; i++)
        {
            Apply(image, _changes[i], i < synced ? null : dice);
        }

        return image.ToArray();
    }

    public ValueTask CreateDirectoryAsync(string directory) => disk.CreateDirectoryAsync(directory);

    public ValueTask<IAsyncDisposable> LockDirectoryAsync(string directory) => disk.LockDirectoryAsync(directory);

    public ValueTask<IReadOnlyList<string>> ListFilesAsync(string directory) => disk.ListFilesAsync(directory);

    public async ValueTask<IDiskFile> OpenFileAsync(string path) => Watch(path, await disk.OpenFileAsync(path));

    public async ValueTask<IDiskFile> CreateFileAsync(string path) => Watch(path, await disk.CreateFileAsync(path));

    public ValueTask RenameAsync(string from, string to) => disk.RenameAsync(from, to);

    public ValueTask DeleteFileAsync(string path) => disk.DeleteFileAsync(path);

    public ValueTask SyncDirectoryAsync(string directory) => disk.SyncDirectoryAsync(directory);

    public ValueTask<long> GetFreeBytesAsync(string directory) => disk.GetFreeBytesAsync(directory);

    public void Dispose()
    {
        // The disk is the test's.
    }

    private static void Apply(MemoryStream image, Change change, Random? dice)
    {
        if (change.Kind == ChangeKind.Length)
        {
            if (dice?.Next(2) != 1)
            {
                image.SetLength(change.Offset);
            }

            return;
        }

        for (int done = 0; done < change.Bytes.Length; done += SectorLength)
        {
            if (dice?.Next(2) != 1)
            {
                int length = Math.Min(SectorLength, change.Bytes.Length - done);
                image.Position = change.Offset + done;
                image.Write(change.Bytes, done, length);
            }
        }
    }

    private IDiskFile Watch(string opened, IDiskFile file) =>
        opened == path || opened == path + ".tmp" ? new Watched(this, file) : file;

    private enum ChangeKind
    {
        Write,
        Length,
        Sync,
    }

    /// <param name="Kind">What it is.</param>
    /// <param name="Offset">Where, or the new length.</param>
    /// <param name="Bytes">What was written.</param>
    private sealed record Change(ChangeKind Kind, long Offset, byte[] Bytes);

    private sealed class Watched(WriteLog log, IDiskFile file) : IDiskFile
    {
        public ValueTask<long> GetLengthAsync() => file.GetLengthAsync();

        public ValueTask<int> ReadAsync(long offset, Memory<byte> destination) => file.ReadAsync(offset, destination);

        public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes)
        {
            log._changes.Add(new Change(ChangeKind.Write, offset, bytes.ToArray()));
            return file.WriteAsync(offset, bytes);
        }

        public ValueTask SyncAsync()
        {
            log._changes.Add(new Change(ChangeKind.Sync, 0, []));
            return file.SyncAsync();
        }

        public ValueTask ExtendAsync(long length)
        {
            log._changes.Add(new Change(ChangeKind.Length, length, []));
            return file.ExtendAsync(length);
        }

        public ValueTask TruncateAsync(long length)
        {
            log._changes.Add(new Change(ChangeKind.Length, length, []));
            return file.TruncateAsync(length);
        }

        public ValueTask DisposeAsync() => file.DisposeAsync();
    }
}

using System.Collections.Immutable;
using System.Formats.Tar;
using System.Security.Cryptography;
using BigFs.Core.Faults;
using BigFs.Core.Storage;

namespace BigFs.Hosting.Backup;

/// <summary>
/// Writes a backup, a tar file: the databases, then the list of them. It has its name only when all of it is on disk; until
/// then it is called ".partial", which disposal removes. Not thread-safe.
/// </summary>
internal sealed class BackupWriter : IAsyncDisposable
{
    private const string Partial = ".partial";

    private readonly IDisk _disk;
    private readonly string _file;
    private readonly FileStream _stream;
    private readonly TarWriter _tar;
    private readonly List<BackupMember> _files = [];
    private bool _isOpen = true;

    private BackupWriter(IDisk disk, string file, FileStream stream)
    {
        (_disk, _file, _stream) = (disk, file, stream);
        _tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true);
    }

    /// <summary>Begins a backup.</summary>
    /// <exception cref="BigFsException">AlreadyExists: there is a file of that name.</exception>
    /// <exception cref="IOException">The folder is not there, or cannot be written.</exception>
    public static BackupWriter Create(IDisk disk, string file)
    {
        string full = Path.GetFullPath(file);
        return Path.Exists(full)
            ? throw new BigFsException(BigFsErrorCode.AlreadyExists, $"\"{full}\" exists already; a backup replaces nothing.")
            : new BackupWriter(disk, full, new FileStream(full + Partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None));
    }

    /// <summary>Adds a database and checks what arrived against its sender's checksum.</summary>
    /// <exception cref="BigFsException">Damaged: what arrived is not what was sent; else as the sender's.</exception>
    public async Task AddAsync(string name, IAsyncEnumerable<DatabasePiece> pieces, CancellationToken cancellationToken)
    {
        PieceStream copy = await PieceStream.OpenAsync(pieces, cancellationToken).ConfigureAwait(false);
        await using (copy.ConfigureAwait(false))
        {
            using var hashing = new HashingStream(copy);
            await _tar.WriteEntryAsync(
                new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = hashing, Mode = OwnerOnly },
                cancellationToken).ConfigureAwait(false);
            byte[] sent = await copy.EndAsync(cancellationToken).ConfigureAwait(false);
            if (!CryptographicOperations.FixedTimeEquals(sent, hashing.Sum()))
            {
                throw new BigFsException(BigFsErrorCode.Damaged, $"The copy of {name} did not arrive as it was sent.");
            }

            _files.Add(new BackupMember(name, copy.Length, Convert.ToHexStringLower(sent)));
        }
    }

    /// <summary>Ends the backup: from now on it is durable and has its name.</summary>
    /// <exception cref="BigFsException">AlreadyExists: somebody has made a file of that name meanwhile.</exception>
    /// <exception cref="DiskException">The disk refused or failed.</exception>
    public async Task<BackupManifest> CompleteAsync(
        Func<ImmutableArray<BackupMember>, BackupManifest> describe, CancellationToken cancellationToken)
    {
        BackupManifest manifest = describe([.. _files]);
        using (var json = new MemoryStream(manifest.Format()))
        {
            await _tar.WriteEntryAsync(
                new PaxTarEntry(TarEntryType.RegularFile, BackupManifest.Name) { DataStream = json, Mode = OwnerOnly },
                cancellationToken).ConfigureAwait(false);
        }

        await CloseAsync().ConfigureAwait(false);
        CrashPoint.Reach("archive.before-sync");
        await SyncAsync(_disk, _file + Partial).ConfigureAwait(false);
        if (Path.Exists(_file))
        {
            throw new BigFsException(BigFsErrorCode.AlreadyExists, $"\"{_file}\" exists already; a backup replaces nothing.");
        }

        CrashPoint.Reach("archive.before-rename");
        await _disk.RenameAsync(_file + Partial, _file).ConfigureAwait(false);
        CrashPoint.Reach("archive.before-directory-sync");
        await _disk.SyncDirectoryAsync(Path.GetDirectoryName(_file)!).ConfigureAwait(false);
        CrashPoint.Reach("archive.after-directory-sync");
        return manifest;
    }

    /// <summary>Makes a file durable.</summary>
    public static async Task SyncAsync(IDisk disk, string file)
    {
        IDiskFile opened = await disk.OpenFileAsync(file).ConfigureAwait(false);
        await using (opened.ConfigureAwait(false))
        {
            await opened.SyncAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync().ConfigureAwait(false);
        File.Delete(_file + Partial);
    }

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private async Task CloseAsync()
    {
        if (_isOpen)
        {
            _isOpen = false;
            await _tar.DisposeAsync().ConfigureAwait(false);
            await _stream.DisposeAsync().ConfigureAwait(false);
        }
    }
}

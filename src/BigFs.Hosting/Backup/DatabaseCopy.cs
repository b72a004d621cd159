using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using BigFs.Core.Faults;
using BigFs.Hosting.Persistence.Sqlite;

namespace BigFs.Hosting.Backup;

/// <summary>
/// Copies one database in use for whoever asks, one copy at a time: a checked snapshot in the data folder first, then its
/// bytes. The snapshot is removed when it has been read, and what a crash left of one at the next start.
/// </summary>
internal sealed class DatabaseCopy : IDisposable
{
    private const string Suffix = ".backup";
    private const int PieceBytes = 256 << 10;

    private readonly SqliteDatabase _database;
    private readonly string _file;
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Makes it.</summary>
    /// <param name="database">What is copied; outlives this.</param>
    /// <param name="folder">Its folder, where the snapshot goes: as much room as the database takes is needed there.</param>
    /// <param name="name">The database's name.</param>
    public DatabaseCopy(SqliteDatabase database, string folder, string name)
    {
        (_database, _file) = (database, Path.Combine(folder, name + Suffix));
        Remove();
    }

    /// <summary>
    /// The length first, then the bytes in order; the SHA-256 of all stands at the end. Only one copy is made at a time.
    /// </summary>
    /// <exception cref="BigFsException">
    /// Unavailable: another copy is being made; else as <see cref="SqliteSnapshot.Take"/>.
    /// </exception>
    public async IAsyncEnumerable<DatabasePiece> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false))
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "Another backup is being made.");
        }

        try
        {
            // A thread of its own: the copying blocks on disks for as long as the database is large.
            await Task.Factory.StartNew(
                () => SqliteSnapshot.Take(_database, _file, cancellationToken),
                cancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default).ConfigureAwait(false);
            CrashPoint.Reach("backup.before-stream");
            var file = new FileStream(_file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: true);
            await using (file.ConfigureAwait(false))
            {
                yield return new DatabasePiece { Length = file.Length };
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                var buffer = new byte[PieceBytes];
                for (int read; (read = await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
                {
                    hash.AppendData(buffer, 0, read);
                    yield return new DatabasePiece { Bytes = buffer.AsMemory(0, read) };
                }

                yield return new DatabasePiece { Sha256 = hash.GetHashAndReset() };
            }
        }
        finally
        {
            Remove();
            _turn.Release();
        }
    }

    /// <summary>A copy by this, or the refusal of a database that is not on disk.</summary>
    /// <exception cref="BigFsException">InvalidArgument: there is none to copy.</exception>
    public static IAsyncEnumerable<DatabasePiece> Of(DatabaseCopy? copy, CancellationToken cancellationToken) =>
        copy?.ReadAsync(cancellationToken) ?? throw new BigFsException(
            BigFsErrorCode.InvalidArgument, "The database is kept in memory: there is nothing to back up.");

    public void Dispose() => _turn.Dispose();

    private void Remove()
    {
        foreach (string leftover in (string[])[_file, _file + "-journal", _file + "-wal", _file + "-shm"])
        {
            File.Delete(leftover);
        }
    }
}

/// <summary>A piece of a copied database: its length, some of its bytes (good until the next piece), or its checksum.</summary>
internal readonly record struct DatabasePiece
{
    /// <summary>Bytes of all; in the first piece only.</summary>
    public long? Length { get; init; }

    /// <summary>The next bytes; empty in the first and last piece.</summary>
    public ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>SHA-256 over all bytes; in the last piece only.</summary>
    public byte[]? Sha256 { get; init; }
}

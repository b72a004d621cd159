using Grpc.Core;

namespace BigFs.Hosting.Backup;

/// <summary>Sends a copy of a database.</summary>
internal static class GrpcBackupStream
{
    /// <exception cref="BigFsException">
    /// InvalidArgument: the database is none that BigFS copies; else as <see cref="IDatabaseBackup.ReadCopyAsync"/>.
    /// </exception>
    public static async Task WriteAsync(
        IDatabaseBackup? backup, IServerStreamWriter<Protocol.BackupPiece> stream, CancellationToken cancellationToken)
    {
        if (backup is null)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument,
                "This database has tools of its own for backups (pg_dump, pg_basebackup); after restoring one run "
                    + "\"bigfs admin raise-generation\".");
        }

        await foreach (DatabasePiece piece in backup.ReadCopyAsync(cancellationToken))
        {
            await stream.WriteAsync(piece.ToProto(), cancellationToken);
        }
    }
}

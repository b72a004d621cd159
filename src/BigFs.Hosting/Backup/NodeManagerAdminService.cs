using Grpc.Core;

namespace BigFs.Hosting.Backup;

/// <summary>What operators ask of a node manager, served over gRPC.</summary>
/// <param name="backup">Copies its database; null where that is not BigFS's to copy.</param>
internal sealed class NodeManagerAdminService(IDatabaseBackup? backup) : Protocol.NodeManagerAdmin.NodeManagerAdminBase
{
    public override async Task Backup(
        Protocol.Empty request, IServerStreamWriter<Protocol.BackupPiece> responseStream, ServerCallContext context) =>
        await GrpcBackupStream.WriteAsync(backup, responseStream, context.CancellationToken);
}

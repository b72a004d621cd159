using BigFs.Core.Metadata;
using BigFs.Hosting.Backup;
using BigFs.Hosting.Check;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.MetadataServer;

/// <summary>What operators ask of a metadata server, served over gRPC.</summary>
/// <param name="identity">The namespace's generation.</param>
/// <param name="backup">Copies its database; null where that is not BigFS's to copy.</param>
/// <param name="check">Compares names, volumes and chunks; null where the engine's rows cannot be looked into.</param>
internal sealed class MetadataAdminService(IMetadataIdentity identity, IDatabaseBackup? backup, ClusterCheckRun? check)
    : Protocol.MetadataAdmin.MetadataAdminBase
{
    private const int MostOfAKind = 1_000_000;

    public override async Task Check(
        Protocol.CheckRequest request, IServerStreamWriter<Protocol.CheckMessage> responseStream, ServerCallContext context)
    {
        var options = new CheckOptions
        {
            MostOfAKind = request.MostOfAKind.InRange(0, MostOfAKind, "most findings of a kind"),
            SessionWait = TimeSpan.FromTicks(Math.Clamp(request.SessionWait, 0, TimeSpan.TicksPerDay)),
        };
        CancellationToken cancellationToken = context.CancellationToken;
        ClusterCheckRun run = check ?? throw new BigFsException(
            BigFsErrorCode.InvalidArgument, "The rows of this metadata engine cannot be looked into.");
        BigFsCheckSummary summary = await run(
            options,
            async finding => await responseStream.WriteAsync(finding.ToProto(), cancellationToken),
            cancellationToken);
        await responseStream.WriteAsync(summary.ToProto(), cancellationToken);
    }

    public override async Task Backup(
        Protocol.Empty request, IServerStreamWriter<Protocol.BackupPiece> responseStream, ServerCallContext context) =>
        await GrpcBackupStream.WriteAsync(backup, responseStream, context.CancellationToken);

    public override async Task<Protocol.NamespaceIdentity> Identity(Protocol.Empty request, ServerCallContext context) =>
        (await identity.IdentityAsync(context.CancellationToken)).ToProto();

    public override async Task<Protocol.NamespaceIdentity> RaiseGeneration(Protocol.Empty request, ServerCallContext context) =>
        (await identity.RaiseGenerationAsync(context.CancellationToken)).ToProto();

    public override async Task<Protocol.NamespaceIdentity> ResumeCollection(
        Protocol.ResumeCollectionRequest request, ServerCallContext context) =>
        (await identity.ResumeCollectionAsync(request.Generation, context.CancellationToken)).ToProto();
}

/// <summary>Runs a check of the cluster and tells what it finds.</summary>
internal delegate Task<BigFsCheckSummary> ClusterCheckRun(
    CheckOptions options, Func<BigFsFinding, ValueTask> tell, CancellationToken cancellationToken);

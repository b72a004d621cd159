using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.MetadataServer;

/// <summary>A metadata store, served over gRPC.</summary>
internal sealed class MetadataServerService(IMetadataStore store, ILogger<MetadataServerService> logger)
    : Protocol.MetadataServer.MetadataServerBase
{
    public override Task Exchange(
        IAsyncStreamReader<Protocol.Calls> requestStream,
        IServerStreamWriter<Protocol.Answers> responseStream,
        ServerCallContext context) =>
        CallExchange.ServeAsync("MetadataServer", requestStream, responseStream, HandleAsync, logger, context.CancellationToken);

    public override async Task<Protocol.NextIncarnationResponse> NextIncarnation(
        Protocol.Empty request, ServerCallContext context) =>
        new() { Incarnation = await store.NextIncarnationAsync(context.CancellationToken) };

    public override async Task<Protocol.FindMetadataResponse> Find(
        Protocol.FindMetadataRequest request, ServerCallContext context) =>
        await FindAsync(request, context.CancellationToken);

    public override async Task<Protocol.ListResponse> List(Protocol.ListRequest request, ServerCallContext context) =>
        (await store.ListAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override Task StreamList(
        Protocol.ListRequest request, IServerStreamWriter<Protocol.PackedEntries> responseStream, ServerCallContext context) =>
        Listing.WriteAsync(store.StreamAsync(request.FromProto(), context.CancellationToken), responseStream);

    public override async Task<Protocol.UploadSession> BeginUpload(
        Protocol.UploadOpening request, ServerCallContext context) =>
        (await store.BeginUploadAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.Empty> RenewUpload(
        Protocol.RenewUploadRequest request, ServerCallContext context)
    {
        await store.RenewUploadAsync(request.Session.ToGuid(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.CommitMetadataResponse> CommitUpload(
        Protocol.CommitUploadRequest request, ServerCallContext context) =>
        new() { File = (await store.CommitUploadAsync(request.FromProto(), context.CancellationToken)).ToProto() };

    public override async Task<Protocol.Empty> AbortUpload(
        Protocol.AbortUploadRequest request, ServerCallContext context)
    {
        await store.AbortUploadAsync(request.Session.ToGuid(), request.Written.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.UploadSession> BeginShared(
        Protocol.BeginSharedRequest request, ServerCallContext context) =>
        (await store.BeginSharedAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.CommitMetadataResponse> CommitFile(
        Protocol.CommitFileRequest request, ServerCallContext context) =>
        new() { File = (await store.CommitFileAsync(request.FromProto(), context.CancellationToken)).ToProto() };

    public override async Task<Protocol.Empty> AbortFile(Protocol.AbortFileRequest request, ServerCallContext context)
    {
        await store.AbortFileAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.Empty> CreateDirectory(
        Protocol.CreateDirectoryRequest request, ServerCallContext context)
    {
        await store.CreateDirectoryAsync(request.Operation.ToGuid(), request.Path.ToPath(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.DeleteResponse> Delete(
        Protocol.DeleteRequest request, ServerCallContext context) =>
        new() { Deleted = await store.DeleteAsync(request.FromProto(), context.CancellationToken) };

    public override async Task<Protocol.MoveResponse> Move(Protocol.MoveRequest request, ServerCallContext context) =>
        new() { Entry = (await store.MoveAsync(request.FromProto(), context.CancellationToken)).ToProto() };

    private async ValueTask<Protocol.FindMetadataResponse> FindAsync(
        Protocol.FindMetadataRequest request, CancellationToken cancellationToken) => request.HasKnownVersion
        ? (await store.FindChangedAsync(request.Path.ToPath(), new BigFsVersion(request.KnownVersion), cancellationToken)).ToProto()
        : (await store.FindAsync(request.Path.ToPath(), request.WithManifest, cancellationToken)).ToProto();

    public override async Task<Protocol.Empty> StageChunks(Protocol.StageChunksRequest request, ServerCallContext context)
    {
        await store.StageChunksAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.ManifestPage> ReadManifest(
        Protocol.ManifestRequest request, ServerCallContext context) =>
        (await store.ReadManifestAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.RenewReadResponse> RenewRead(
        Protocol.RenewReadRequest request, ServerCallContext context) => new()
        {
            Lease = (await store.RenewReadAsync(new BigFsVersion(request.Version), context.CancellationToken)).Ticks,
        };

    public override async Task<Protocol.MetadataJob> StartTotals(
        Protocol.StartTotalsRequest request, ServerCallContext context) =>
        (await store.StartTotalsAsync(
            request.Operation.ToGuid(), request.Path.ToPath(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.FindJobResponse> FindJob(
        Protocol.FindJobRequest request, ServerCallContext context) =>
        new() { Job = (await store.FindJobAsync(request.Job.ToGuid(), context.CancellationToken))?.ToProto() };

    public override async Task<Protocol.CancelJobResponse> CancelJob(
        Protocol.FindJobRequest request, ServerCallContext context) =>
        new() { Cancelled = await store.CancelJobAsync(request.Job.ToGuid(), context.CancellationToken) };

    public override async Task<Protocol.FindOwnersResponse> FindOwners(
        Protocol.FindOwnersRequest request, ServerCallContext context)
    {
        var owners = await store.FindOwnersAsync(
            request.Chunks.ToArray(chunk => new ChunkKey(chunk)), context.CancellationToken);
        return new Protocol.FindOwnersResponse { Chunks = { owners.Select(VersionMapping.ToProto) } };
    }

    public override async Task<Protocol.ListJobsResponse> ListJobs(Protocol.Empty request, ServerCallContext context) =>
        new() { Jobs = { (await store.ListJobsAsync(context.CancellationToken)).Select(VersionMapping.ToProto) } };

    private async ValueTask<Protocol.Answer> HandleAsync(Protocol.Call call, CancellationToken cancellationToken) =>
        call.OperationCase switch
        {
            Protocol.Call.OperationOneofCase.CommitFile => new Protocol.Answer
            {
                CommittedMetadata = new Protocol.CommitMetadataResponse
                {
                    File = (await store.CommitFileAsync(call.CommitFile.FromProto(), cancellationToken)).ToProto(),
                },
            },
            Protocol.Call.OperationOneofCase.CommitUpload => new Protocol.Answer
            {
                CommittedMetadata = new Protocol.CommitMetadataResponse
                {
                    File = (await store.CommitUploadAsync(call.CommitUpload.FromProto(), cancellationToken)).ToProto(),
                },
            },
            Protocol.Call.OperationOneofCase.FindMetadata => new Protocol.Answer
            {
                FindMetadata = await FindAsync(call.FindMetadata, cancellationToken),
            },
            var other => throw Wire.Invalid($"a metadata server's stream does not serve {other}"),
        };
}

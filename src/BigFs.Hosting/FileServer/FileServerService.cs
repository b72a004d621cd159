using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.FileServer;

/// <summary>A file server, served over gRPC.</summary>
internal sealed class FileServerService(IFileServer files, ILogger<FileServerService> logger) : Protocol.FileServer.FileServerBase
{
    public override Task Exchange(
        IAsyncStreamReader<Protocol.Calls> requestStream,
        IServerStreamWriter<Protocol.Answers> responseStream,
        ServerCallContext context) =>
        CallExchange.ServeAsync(requestStream, responseStream, HandleAsync, logger, context.CancellationToken);

    public override async Task<Protocol.UploadTicket> BeginUpload(
        Protocol.BeginUploadRequest request, ServerCallContext context)
    {
        UploadTicket ticket = await files.BeginUploadAsync(
            request.Upload.Required("the upload").FromProto(),
            request.Grants.InRange(0, Limits.MaxGrantBatch, "grants"),
            context.CancellationToken);
        return ticket.ToProto();
    }

    public override async Task<Protocol.GrantResponse> Grant(Protocol.GrantRequest request, ServerCallContext context) =>
        await GrantAsync(request, context.CancellationToken);

    public override async Task<Protocol.Empty> RenewUpload(
        Protocol.RenewUploadRequest request, ServerCallContext context)
    {
        await files.RenewUploadAsync(request.Session.ToGuid(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.CommittedFile> CommitUpload(
        Protocol.CommitUploadRequest request, ServerCallContext context) =>
        (await files.CommitUploadAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.UploadTicket> BeginShared(
        Protocol.BeginSharedFilesRequest request, ServerCallContext context)
    {
        UploadTicket ticket = await files.BeginSharedAsync(
            request.Session.Required("the session").FromProto(),
            request.Grants.InRange(0, Limits.MaxGrantBatch, "grants"),
            context.CancellationToken);
        return ticket.ToProto();
    }

    public override async Task<Protocol.CommittedFile> CommitFile(
        Protocol.CommitFileRequest request, ServerCallContext context) =>
        (await files.CommitFileAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.Empty> AbortFile(Protocol.AbortFileRequest request, ServerCallContext context)
    {
        await files.AbortFileAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.Empty> AbortUpload(
        Protocol.AbortUploadRequest request, ServerCallContext context)
    {
        await files.AbortUploadAsync(request.Session.ToGuid(), request.Written.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.OpenResponse> Open(Protocol.OpenRequest request, ServerCallContext context)
    {
        OpenedFile? opened = await files.OpenAsync(request.Path.ToPath(), context.CancellationToken);
        return new Protocol.OpenResponse { Opened = opened?.ToProto() };
    }

    public override async Task<Protocol.LocateResponse> Locate(Protocol.LocateRequest request, ServerCallContext context)
    {
        var locations = await files.LocateAsync(
            request.Volumes.ToArray(volume => new VolumeId(volume)), context.CancellationToken);
        return new Protocol.LocateResponse { Locations = { locations.Select(NamespaceMapping.ToProto) } };
    }

    public override async Task<Protocol.FindResponse> Find(Protocol.FindRequest request, ServerCallContext context)
    {
        BigFsEntry? entry = await files.FindAsync(request.Path.ToPath(), context.CancellationToken);
        return new Protocol.FindResponse { Entry = entry?.ToProto() };
    }

    public override async Task<Protocol.ListResponse> List(Protocol.ListRequest request, ServerCallContext context) =>
        (await files.ListAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override Task StreamList(
        Protocol.ListRequest request, IServerStreamWriter<Protocol.PackedEntries> responseStream, ServerCallContext context) =>
        Listing.WriteAsync(files.StreamAsync(request.FromProto(), context.CancellationToken), responseStream);

    public override async Task<Protocol.Empty> CreateDirectory(
        Protocol.CreateDirectoryRequest request, ServerCallContext context)
    {
        await files.CreateDirectoryAsync(request.Operation.ToGuid(), request.Path.ToPath(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.DeleteResponse> Delete(
        Protocol.DeleteRequest request, ServerCallContext context) =>
        new() { Deleted = await files.DeleteAsync(request.FromProto(), context.CancellationToken) };

    public override async Task<Protocol.MoveResponse> Move(Protocol.MoveRequest request, ServerCallContext context) =>
        new() { Entry = (await files.MoveAsync(request.FromProto(), context.CancellationToken)).ToProto() };

    public override async Task<Protocol.Empty> Report(Protocol.ReplicaFault request, ServerCallContext context)
    {
        await files.ReportAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.Empty> StageChunks(Protocol.StageChunksRequest request, ServerCallContext context)
    {
        await files.StageChunksAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.ManifestPage> ReadManifest(
        Protocol.ManifestRequest request, ServerCallContext context) =>
        (await files.ReadManifestAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.RenewReadResponse> RenewRead(
        Protocol.RenewReadRequest request, ServerCallContext context) => new()
        {
            Lease = (await files.RenewReadAsync(new BigFsVersion(request.Version), context.CancellationToken)).Ticks,
        };

    public override async Task<Protocol.MetadataJob> StartTotals(
        Protocol.StartTotalsRequest request, ServerCallContext context) =>
        (await files.StartTotalsAsync(
            request.Operation.ToGuid(), request.Path.ToPath(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.FindJobResponse> FindJob(
        Protocol.FindJobRequest request, ServerCallContext context) =>
        new() { Job = (await files.FindJobAsync(request.Job.ToGuid(), context.CancellationToken))?.ToProto() };

    public override async Task<Protocol.CancelJobResponse> CancelJob(
        Protocol.FindJobRequest request, ServerCallContext context) =>
        new() { Cancelled = await files.CancelJobAsync(request.Job.ToGuid(), context.CancellationToken) };

    private async ValueTask<Protocol.Answer> HandleAsync(Protocol.Call call, CancellationToken cancellationToken) =>
        call.OperationCase switch
        {
            Protocol.Call.OperationOneofCase.CommitFile => new Protocol.Answer
            {
                Committed = (await files.CommitFileAsync(call.CommitFile.FromProto(), cancellationToken)).ToProto(),
            },
            Protocol.Call.OperationOneofCase.CommitUpload => new Protocol.Answer
            {
                Committed = (await files.CommitUploadAsync(call.CommitUpload.FromProto(), cancellationToken)).ToProto(),
            },
            Protocol.Call.OperationOneofCase.Open => new Protocol.Answer
            {
                Open = new Protocol.OpenResponse
                {
                    Opened = (await files.OpenAsync(call.Open.Path.ToPath(), cancellationToken))?.ToProto(),
                },
            },
            Protocol.Call.OperationOneofCase.Grant => new Protocol.Answer
            {
                Grant = await GrantAsync(call.Grant, cancellationToken),
            },
            Protocol.Call.OperationOneofCase.Find => new Protocol.Answer
            {
                Find = new Protocol.FindResponse
                {
                    Entry = (await files.FindAsync(call.Find.Path.ToPath(), cancellationToken))?.ToProto(),
                },
            },
            var other => throw Wire.Invalid($"a file server's stream does not serve {other}"),
        };

    private async ValueTask<Protocol.GrantResponse> GrantAsync(
        Protocol.GrantRequest request, CancellationToken cancellationToken)
    {
        var grants = await files.GrantAsync(
            request.Session.ToGuid(),
            request.Replicas.InRange(1, Limits.MaxReplicas, "replicas"),
            request.Count.InRange(1, Limits.MaxGrantBatch, "count"),
            request.Avoid.ToArray(Wire.ToNodeId),
            request.Together,
            cancellationToken);
        return grants.ToProto();
    }
}

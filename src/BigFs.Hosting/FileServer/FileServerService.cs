using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Hosting.Access;
using BigFs.Hosting.Access.Grpc;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.FileServer;

/// <summary>A file server, served over gRPC.</summary>
/// <remarks>Every call goes to what its caller may see (<see cref="For"/>), never to all files.</remarks>
/// <param name="all">The file server.</param>
/// <param name="logger">Is told of faults.</param>
/// <param name="calls">Counts what travels on streams of calls; null for nobody.</param>
internal sealed class FileServerService(IFileServer all, ILogger<FileServerService> logger, CallMeter? calls = null)
    : Protocol.FileServer.FileServerBase
{
    public override Task Exchange(
        IAsyncStreamReader<Protocol.Calls> requestStream,
        IServerStreamWriter<Protocol.Answers> responseStream,
        ServerCallContext context) =>
        CallExchange.ServeAsync(
            "FileServer", requestStream, responseStream, Counted(Handler(context)), logger, context.CancellationToken);

    /// <summary>The same, counted where somebody counts.</summary>
    private Func<Protocol.Call, CancellationToken, ValueTask<Protocol.Answer>> Counted(
        Func<Protocol.Call, CancellationToken, ValueTask<Protocol.Answer>> handle) => calls is null ? handle : async (call, cancellationToken) =>
        {
            calls.Begin();
            try
            {
                return await handle(call, cancellationToken);
            }
            finally
            {
                calls.End();
            }
        };

    public override async Task<Protocol.UploadTicket> BeginUpload(
        Protocol.BeginUploadRequest request, ServerCallContext context)
    {
        UploadTicket ticket = await For(context).BeginUploadAsync(
            request.Upload.Required("the upload").FromProto(),
            request.Grants.InRange(0, Limits.MaxGrantBatch, "grants"),
            context.CancellationToken);
        return ticket.ToProto();
    }

    public override async Task<Protocol.GrantResponse> Grant(Protocol.GrantRequest request, ServerCallContext context) =>
        await GrantAsync(For(context), request, context.CancellationToken);

    public override async Task<Protocol.Empty> RenewUpload(
        Protocol.RenewUploadRequest request, ServerCallContext context)
    {
        await For(context).RenewUploadAsync(request.Session.ToGuid(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.CommittedFile> CommitUpload(
        Protocol.CommitUploadRequest request, ServerCallContext context) =>
        (await For(context).CommitUploadAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.UploadTicket> BeginShared(
        Protocol.BeginSharedFilesRequest request, ServerCallContext context)
    {
        UploadTicket ticket = await For(context).BeginSharedAsync(
            request.Session.Required("the session").FromProto(),
            request.Grants.InRange(0, Limits.MaxGrantBatch, "grants"),
            context.CancellationToken);
        return ticket.ToProto();
    }

    public override async Task<Protocol.CommittedFile> CommitFile(
        Protocol.CommitFileRequest request, ServerCallContext context) =>
        (await For(context).CommitFileAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.Empty> AbortFile(Protocol.AbortFileRequest request, ServerCallContext context)
    {
        await For(context).AbortFileAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.Empty> AbortUpload(
        Protocol.AbortUploadRequest request, ServerCallContext context)
    {
        await For(context).AbortUploadAsync(request.Session.ToGuid(), request.Written.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.OpenResponse> Open(Protocol.OpenRequest request, ServerCallContext context) =>
        await OpenAsync(For(context), request, context.CancellationToken);

    public override async Task<Protocol.LocateResponse> Locate(Protocol.LocateRequest request, ServerCallContext context)
    {
        var locations = await For(context).LocateAsync(
            request.Volumes.ToArray(volume => new VolumeId(volume)), context.CancellationToken);
        return new Protocol.LocateResponse { Locations = { locations.Select(NamespaceMapping.ToProto) } };
    }

    public override async Task<Protocol.FindResponse> Find(Protocol.FindRequest request, ServerCallContext context)
    {
        BigFsEntry? entry = await FindAsync(For(context), request, context.CancellationToken);
        return new Protocol.FindResponse { Entry = entry?.ToProto() };
    }

    public override async Task<Protocol.ListResponse> List(Protocol.ListRequest request, ServerCallContext context) =>
        (await For(context).ListAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override Task StreamList(
        Protocol.ListRequest request, IServerStreamWriter<Protocol.PackedEntries> responseStream, ServerCallContext context) =>
        Listing.WriteAsync(For(context).StreamAsync(request.FromProto(), context.CancellationToken), responseStream);

    public override async Task<Protocol.Empty> CreateDirectory(
        Protocol.CreateDirectoryRequest request, ServerCallContext context)
    {
        await For(context).CreateDirectoryAsync(request.Operation.ToGuid(), request.Path.ToPath(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.DeleteResponse> Delete(
        Protocol.DeleteRequest request, ServerCallContext context) =>
        new() { Deleted = await For(context).DeleteAsync(request.FromProto(), context.CancellationToken) };

    public override async Task<Protocol.MoveResponse> Move(Protocol.MoveRequest request, ServerCallContext context) =>
        new() { Entry = (await For(context).MoveAsync(request.FromProto(), context.CancellationToken)).ToProto() };

    public override async Task<Protocol.Empty> Report(Protocol.ReplicaFault request, ServerCallContext context)
    {
        await For(context).ReportAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.Empty> StageChunks(Protocol.StageChunksRequest request, ServerCallContext context)
    {
        await For(context).StageChunksAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.ManifestPage> ReadManifest(
        Protocol.ManifestRequest request, ServerCallContext context) =>
        (await For(context).ReadManifestAsync(request.FromProto(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.RenewReadResponse> RenewRead(
        Protocol.RenewReadRequest request, ServerCallContext context) => new()
        {
            Lease = (await For(context).RenewReadAsync(new BigFsVersion(request.Version), context.CancellationToken)).Ticks,
        };

    public override async Task<Protocol.MetadataJob> StartTotals(
        Protocol.StartTotalsRequest request, ServerCallContext context) =>
        (await For(context).StartTotalsAsync(
            request.Operation.ToGuid(), request.Path.ToPath(), context.CancellationToken)).ToProto();

    public override async Task<Protocol.FindJobResponse> FindJob(
        Protocol.FindJobRequest request, ServerCallContext context) =>
        new() { Job = (await For(context).FindJobAsync(request.Job.ToGuid(), context.CancellationToken))?.ToProto() };

    public override async Task<Protocol.CancelJobResponse> CancelJob(
        Protocol.FindJobRequest request, ServerCallContext context) =>
        new() { Cancelled = await For(context).CancelJobAsync(request.Job.ToGuid(), context.CancellationToken) };

    /// <summary>The files as the caller sees them.</summary>
    private IFileServer For(ServerCallContext context) => AccessInterceptor.Of(context).Over(all);

    /// <summary>Carries out a stream's operations, each by its own policy: a stream outlives what was true at its opening.</summary>
    private Func<Protocol.Call, CancellationToken, ValueTask<Protocol.Answer>> Handler(ServerCallContext context)
    {
        CallAccess access = AccessInterceptor.Of(context);
        IFileServer own = access.Over(all);
        return async (call, cancellationToken) =>
        {
            await access.RequireAsync(StreamPolicies.RightsFor(call.OperationCase), cancellationToken);
            return await HandleAsync(own, call, cancellationToken);
        };
    }

    private static async ValueTask<Protocol.Answer> HandleAsync(
        IFileServer files, Protocol.Call call, CancellationToken cancellationToken) =>
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
                Open = await OpenAsync(files, call.Open, cancellationToken),
            },
            Protocol.Call.OperationOneofCase.Grant => new Protocol.Answer
            {
                Grant = await GrantAsync(files, call.Grant, cancellationToken),
            },
            Protocol.Call.OperationOneofCase.Find => new Protocol.Answer
            {
                Find = new Protocol.FindResponse
                {
                    Entry = (await FindAsync(files, call.Find, cancellationToken))?.ToProto(),
                },
            },
            var other => throw Wire.Invalid($"a file server's stream does not serve {other}"),
        };

    private static async ValueTask<Protocol.OpenResponse> OpenAsync(
        IFileServer files, Protocol.OpenRequest request, CancellationToken cancellationToken)
    {
        var path = request.Path.ToPath();
        if (request.Known is { } known)
        {
            OpenedChange? change = await files.OpenChangedAsync(path, known.FromProto(), cancellationToken);
            return new Protocol.OpenResponse { Opened = change?.Found?.ToProto(), Unchanged = change is null };
        }

        OpenedFile? opened = request.MaxStaleness > 0
            ? await files.OpenStaleAsync(path, TimeSpan.FromTicks(request.MaxStaleness), cancellationToken)
            : await files.OpenAsync(path, cancellationToken);
        return new Protocol.OpenResponse { Opened = opened?.ToProto() };
    }

    private static ValueTask<BigFsEntry?> FindAsync(
        IFileServer files, Protocol.FindRequest request, CancellationToken cancellationToken) =>
        request.MaxStaleness > 0
            ? files.FindStaleAsync(request.Path.ToPath(), TimeSpan.FromTicks(request.MaxStaleness), cancellationToken)
            : files.FindAsync(request.Path.ToPath(), cancellationToken);

    private static async ValueTask<Protocol.GrantResponse> GrantAsync(
        IFileServer files, Protocol.GrantRequest request, CancellationToken cancellationToken)
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

using BigFs.Core.Metadata;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.MetadataServer;

/// <summary>A metadata store, served over gRPC.</summary>
internal sealed class MetadataServerService(IMetadataStore store) : Protocol.MetadataServer.MetadataServerBase
{
    public override async Task<Protocol.NextIncarnationResponse> NextIncarnation(
        Protocol.Empty request, ServerCallContext context) =>
        new() { Incarnation = await store.NextIncarnationAsync(context.CancellationToken) };

    public override async Task<Protocol.FindMetadataResponse> Find(
        Protocol.FindMetadataRequest request, ServerCallContext context)
    {
        MetadataEntry? found =
            await store.FindAsync(request.Path.ToPath(), request.WithManifest, context.CancellationToken);
        return found is null
            ? new Protocol.FindMetadataResponse()
            : new Protocol.FindMetadataResponse { Entry = found.Entry.ToProto(), Manifest = found.Manifest.ToProto() };
    }

    public override async Task<Protocol.ListResponse> List(Protocol.ListRequest request, ServerCallContext context) =>
        (await store.ListAsync(request.FromProto(), context.CancellationToken)).ToProto();

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
}

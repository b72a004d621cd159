using BigFs.Core.Security;
using Grpc.Core;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>The store of clients' keys, served to the roles that check and manage them.</summary>
internal sealed class AccessKeyStoreService(IAccessKeyStore store, TimeProvider time) : Protocol.AccessKeyStore.AccessKeyStoreBase
{
    public override async Task<Protocol.Empty> Add(Protocol.AccessKey request, ServerCallContext context)
    {
        await store.AddAsync(request.FromProto(time.GetUtcNow()), context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.FindAccessKeyResponse> Find(
        Protocol.FindAccessKeyRequest request, ServerCallContext context) =>
        new() { Key = (await store.FindAsync(request.Id, context.CancellationToken))?.ToProto() };

    public override async Task<Protocol.AccessKeyList> List(Protocol.Empty request, ServerCallContext context) =>
        (await store.ListAsync(context.CancellationToken)).ToProto();

    public override async Task<Protocol.RevokeAccessKeyResponse> Revoke(
        Protocol.RevokeAccessKeyRequest request, ServerCallContext context) =>
        new() { Found = await store.RevokeAsync(request.Id, time.GetUtcNow(), context.CancellationToken) };
}

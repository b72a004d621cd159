using BigFs.Core.Security;
using Grpc.Core;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>The management of clients' keys, served to administrators.</summary>
/// <param name="keys">What is done.</param>
/// <param name="changed">Told of a key that was changed just now.</param>
/// <param name="time">Clock.</param>
internal sealed class AccessKeysService(AccessKeyAdministration keys, Action<string> changed, TimeProvider time)
    : Protocol.AccessKeys.AccessKeysBase
{
    public override async Task<Protocol.AccessKey> Create(Protocol.AccessKey request, ServerCallContext context)
    {
        AccessKeyRecord made = await keys.CreateAsync(
            request.FromProto(time.GetUtcNow()), AccessInterceptor.Of(context).Key, context.CancellationToken);
        changed(made.Id);
        return (made with { Hash = [] }).ToProto();
    }

    public override async Task<Protocol.AccessKeyList> List(Protocol.Empty request, ServerCallContext context) =>
        (await keys.ListAsync(AccessInterceptor.Of(context).Key, context.CancellationToken)).ToProto();

    public override async Task<Protocol.RevokeAccessKeyResponse> Revoke(
        Protocol.RevokeAccessKeyRequest request, ServerCallContext context)
    {
        bool found = await keys.RevokeAsync(request.Id, AccessInterceptor.Of(context).Key, context.CancellationToken);
        changed(request.Id);
        return new Protocol.RevokeAccessKeyResponse { Found = found };
    }
}

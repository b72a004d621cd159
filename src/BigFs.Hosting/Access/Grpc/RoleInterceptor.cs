using BigFs.Core.Control;
using BigFs.Core.Security;
using BigFs.Hosting.DataNode;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>
/// Proves with every call which of the cluster's roles makes it: one of this process that the call's policy lets pass. A
/// call that no role of this process may make goes without, and is refused at the other end.
/// </summary>
internal sealed class RoleInterceptor(RoleTokenSigner signer, IReadOnlyCollection<ServiceRole> roles) : HeaderInterceptor
{
    protected override Metadata.Entry? HeaderOf(string method, Metadata? headers, object? request)
    {
        if (!RpcPolicies.ByMethod.TryGetValue(method, out RpcPolicy? policy))
        {
            return null;
        }

        // A lease is registered by the role that it is about.
        ServiceRole wanted = request switch
        {
            Protocol.ServiceInstance instance => (ServiceRole)instance.Role,
            Protocol.ReleaseRequest release => (ServiceRole)release.Role,
            _ => policy.Callers.FirstOrDefault(roles.Contains),
        };
        return roles.Contains(wanted)
            ? new Metadata.Entry(
                AccessGate.RoleHeader,
                signer.Sign((byte)wanted, (byte)policy.Callee, method, headers?.GetValueBytes(DataNodeService.NodeHeader)))
            : null;
    }
}

using BigFs.Core.Control;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.NameServer;

/// <summary>The name server, served over gRPC.</summary>
internal sealed class NameServerService(INameServer names) : Protocol.NameServer.NameServerBase
{
    public override async Task<Protocol.RegisterInstanceResponse> Register(
        Protocol.ServiceInstance request, ServerCallContext context)
    {
        TimeSpan lease = await names.RegisterAsync(request.FromProto(), context.CancellationToken);
        return new Protocol.RegisterInstanceResponse { Lease = lease.Ticks };
    }

    public override async Task<Protocol.Empty> Release(Protocol.ReleaseRequest request, ServerCallContext context)
    {
        await names.ReleaseAsync(Wire.ToEnum<ServiceRole>(request.Role), request.Id, context.CancellationToken);
        return new Protocol.Empty();
    }

    public override async Task<Protocol.ResolveResponse> Resolve(
        Protocol.ResolveRequest request, ServerCallContext context)
    {
        var instances = await names.ResolveAsync(Wire.ToEnum<ServiceRole>(request.Role), context.CancellationToken);
        return new Protocol.ResolveResponse { Instances = { instances.Select(NameServerMapping.ToProto) } };
    }
}

using BigFs.Core.Control;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.NameServer;

/// <summary>The name server, served over gRPC.</summary>
/// <param name="names">The name server.</param>
/// <param name="stopping">Ends all watches (the listener's).</param>
internal sealed class NameServerService(INameServer names, CancellationToken stopping = default) : Protocol.NameServer.NameServerBase
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

    /// <summary>A watcher that does not read holds up its own stream alone: the next update is made when the last is sent.</summary>
    public override async Task Watch(
        Protocol.WatchRequest request, IServerStreamWriter<Protocol.WatchResponse> responseStream, ServerCallContext context)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        await foreach (InstanceUpdate update in names.WatchAsync(Wire.ToEnum<ServiceRole>(request.Role), end.Token))
        {
            await responseStream.WriteAsync(update.ToProto(), end.Token);
        }
    }
}

using BigFs.Core.Control;
using BigFs.Hosting.Access.Grpc;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;
using Grpc.Core;

namespace BigFs.Hosting.NameServer;

/// <summary>The name server, served over gRPC.</summary>
/// <param name="names">The name server.</param>
/// <param name="stopping">Ends all watches (the listener's).</param>
/// <param name="endpoints">Which endpoints may be registered; null: on loopback.</param>
internal sealed class NameServerService(
    INameServer names, CancellationToken stopping = default, EndpointRules? endpoints = null) : Protocol.NameServer.NameServerBase
{
    private readonly EndpointRules _endpoints = endpoints ?? EndpointRules.LoopbackOnly;

    public override async Task<Protocol.RegisterInstanceResponse> Register(
        Protocol.ServiceInstance request, ServerCallContext context)
    {
        ServiceInstance instance = request.FromProto();
        RequireOwn(instance.Role, context);
        if (_endpoints.Problem(instance.Endpoint, Peers.IsOnLoopback(context)) is { } problem)
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, problem);
        }

        TimeSpan lease = await names.RegisterAsync(instance, context.CancellationToken);
        return new Protocol.RegisterInstanceResponse { Lease = lease.Ticks };
    }

    public override async Task<Protocol.Empty> Release(Protocol.ReleaseRequest request, ServerCallContext context)
    {
        var role = Wire.ToEnum<ServiceRole>(request.Role);
        RequireOwn(role, context);
        await names.ReleaseAsync(role, request.Id, context.CancellationToken);
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

    /// <summary>A role that proved itself speaks for its own kind alone.</summary>
    private static void RequireOwn(ServiceRole role, ServerCallContext context)
    {
        if (AccessInterceptor.Of(context).Role is { } proven && proven != role)
        {
            throw new BigFsException(
                BigFsErrorCode.NotAllowed, $"A {RoleNames.Name(proven)} registers and releases no {RoleNames.Name(role)}.");
        }
    }
}

using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Control;
using NameServerClient = BigFs.Protocol.NameServer.NameServerClient;

namespace BigFs.Internal.Grpc;

/// <summary>The name server over gRPC.</summary>
internal sealed class GrpcNameServer : INameServer, IAsyncDisposable
{
    private readonly RoleConnection<NameServerClient> _connection;

    /// <summary>
    /// Makes a client of the name servers at "host:port", several of them apart by commas: any that answers is asked. To
    /// register at all, make one for each. The channels stay the caller's.
    /// </summary>
    public GrpcNameServer(string endpoints, ChannelCache channels, ControlTimeouts timeouts, TimeProvider clock) =>
        _connection = new(
            "name server",
            new FixedInstances([.. NameServerList.Split(endpoints)]),
            channels,
            c => new NameServerClient(c),
            timeouts,
            clock);

    public ValueTask<TimeSpan> RegisterAsync(ServiceInstance instance, CancellationToken cancellationToken)
    {
        Protocol.ServiceInstance request = instance.ToProto();
        return _connection.CallAsync(
            (c, o) => c.RegisterAsync(request, o), answer => TimeSpan.FromTicks(answer.Lease), cancellationToken);
    }

    public ValueTask ReleaseAsync(ServiceRole role, string id, CancellationToken cancellationToken)
    {
        var request = new Protocol.ReleaseRequest { Role = (int)role, Id = id };
        return _connection.CallAsync((c, o) => c.ReleaseAsync(request, o), cancellationToken);
    }

    public ValueTask<ImmutableArray<ServiceInstance>> ResolveAsync(ServiceRole role, CancellationToken cancellationToken)
    {
        var request = new Protocol.ResolveRequest { Role = (int)role };
        return _connection.CallAsync(
            (c, o) => c.ResolveAsync(request, o),
            answer => answer.Instances.ToArray(NameServerMapping.FromProto),
            cancellationToken);
    }

    public async IAsyncEnumerable<InstanceUpdate> WatchAsync(
        ServiceRole role, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new Protocol.WatchRequest { Role = (int)role };
        await foreach (Protocol.WatchResponse update in _connection.FollowAsync(
            (c, o) => c.Watch(request, o), cancellationToken).ConfigureAwait(false))
        {
            yield return update.FromProto();
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}

using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Security;
using BigFs.Internal.Grpc;
using StoreClient = BigFs.Protocol.AccessKeyStore.AccessKeyStoreClient;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>The store of clients' keys over gRPC, at a metadata server found at the name server.</summary>
internal sealed class GrpcAccessKeyStore : IAccessKeyStore, IAsyncDisposable
{
    private readonly RoleConnection<StoreClient> _connection;
    private readonly TimeProvider _clock;

    /// <summary>Makes a client; name server and channels stay the caller's.</summary>
    public GrpcAccessKeyStore(INameServer names, ChannelCache channels, ControlTimeouts timeouts, TimeProvider clock)
    {
        _clock = clock;
        _connection = new(
            "metadata server",
            new WatchedInstances(names, ServiceRole.MetadataServer, clock),
            channels,
            c => new StoreClient(c),
            timeouts,
            clock);
    }

    public ValueTask AddAsync(AccessKeyRecord record, CancellationToken cancellationToken)
    {
        Protocol.AccessKey message = record.ToProto();
        return _connection.CallAsync((c, o) => c.AddAsync(message, o), cancellationToken);
    }

    /// <summary>Nobody makes the first key from afar: a metadata server does that on its own store.</summary>
    /// <exception cref="BigFsException">Always: NotAllowed.</exception>
    public ValueTask<bool> TryAddFirstAsync(AccessKeyRecord record, CancellationToken cancellationToken) =>
        throw new BigFsException(BigFsErrorCode.NotAllowed, "The first access key is made at the metadata server itself.");

    public ValueTask<AccessKeyRecord?> FindAsync(string id, CancellationToken cancellationToken)
    {
        var message = new Protocol.FindAccessKeyRequest { Id = id };
        return _connection.CallAsync(
            (c, o) => c.FindAsync(message, o), answer => answer.Key?.FromProto(_clock.GetUtcNow()), cancellationToken);
    }

    public ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken) =>
        _connection.CallAsync(
            (c, o) => c.ListAsync(new Protocol.Empty(), o),
            answer => answer.Keys.ToArray(key => key.FromProto(_clock.GetUtcNow())),
            cancellationToken);

    public ValueTask<bool> RevokeAsync(string id, DateTimeOffset when, CancellationToken cancellationToken)
    {
        // The store's clock says when.
        var message = new Protocol.RevokeAccessKeyRequest { Id = id };
        return _connection.CallAsync((c, o) => c.RevokeAsync(message, o), answer => answer.Found, cancellationToken);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}

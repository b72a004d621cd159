using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Security;
using BigFs.Internal;
using BigFs.Internal.Grpc;
using AccessKeysClient = BigFs.Protocol.AccessKeys.AccessKeysClient;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>Keys of a running cluster, through one of its file servers.</summary>
internal sealed class GrpcKeyDoor : IKeyDoor
{
    private readonly ChannelCache _channels;
    private readonly GrpcNameServer _names;
    private readonly RoleConnection<AccessKeysClient> _connection;

    public GrpcKeyDoor(ClientSettings settings)
    {
        TimeProvider clock = TimeProvider.System;
        var timeouts = new ControlTimeouts { Connect = settings.ConnectTimeout, Operation = settings.OperationTimeout };
        _channels = new ChannelCache(timeouts.Connect, ChannelSecurity.Of(settings.ApiKey, settings.ControlTls));
        _names = new GrpcNameServer(BigFsEndpoint.Servers(settings.Endpoint!)!, _channels, timeouts, clock);
        _connection = new(
            "file server",
            new WatchedInstances(_names, ServiceRole.FileServer, clock),
            _channels,
            c => new AccessKeysClient(c),
            timeouts,
            clock);
    }

    public ValueTask<AccessKeyRecord> CreateAsync(AccessKeyRecord record, CancellationToken cancellationToken)
    {
        Protocol.AccessKey message = record.ToProto();
        return _connection.CallAsync((c, o) => c.CreateAsync(message, o), key => key.FromProto(default), cancellationToken);
    }

    public ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken) =>
        _connection.CallAsync(
            (c, o) => c.ListAsync(new Protocol.Empty(), o),
            answer => answer.Keys.ToArray(key => key.FromProto(default)),
            cancellationToken);

    public ValueTask<bool> RevokeAsync(string id, CancellationToken cancellationToken)
    {
        var message = new Protocol.RevokeAccessKeyRequest { Id = id };
        return _connection.CallAsync((c, o) => c.RevokeAsync(message, o), answer => answer.Found, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _names.DisposeAsync().ConfigureAwait(false);
        _channels.Dispose();
    }
}

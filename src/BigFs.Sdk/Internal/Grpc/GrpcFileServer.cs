using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using FileServerClient = BigFs.Protocol.FileServer.FileServerClient;

namespace BigFs.Internal.Grpc;

/// <summary>The file servers of a cluster over gRPC, found at its name server, in turn.</summary>
internal sealed class GrpcFileServer : IFileServer, IAsyncDisposable
{
    private readonly ChannelCache _channels;
    private readonly GrpcNameServer _names;
    private readonly RoleConnection<FileServerClient> _connection;

    /// <summary>Makes a client of the cluster that the options name; does no I/O.</summary>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public GrpcFileServer(BigFsClientOptions options)
        : this(EndpointOf(options), TimeoutsOf(options), TimeProvider.System)
    {
    }

    /// <summary>Makes a client of the cluster whose name server listens at "host:port".</summary>
    public GrpcFileServer(string nameServer, ControlTimeouts timeouts, TimeProvider clock)
    {
        _channels = new ChannelCache(timeouts.Connect);
        _names = new GrpcNameServer(nameServer, _channels, timeouts, clock);
        var endpoints = new ResolvedEndpoints(_names, ServiceRole.FileServer, clock);
        _connection = new("file server", endpoints, _channels, c => new FileServerClient(c), timeouts, clock);
    }

    public ValueTask<UploadTicket> BeginUploadAsync(
        BeginUploadRequest request, int grants, CancellationToken cancellationToken)
    {
        var message = new Protocol.BeginUploadRequest { Upload = request.ToProto(), Grants = grants };
        return _connection.CallAsync(
            (c, o) => c.BeginUploadAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public ValueTask<ImmutableArray<ChunkGrant>> GrantAsync(
        Guid session, int replicas, int count, ImmutableArray<NodeId> avoid, CancellationToken cancellationToken)
    {
        var message = new Protocol.GrantRequest
        {
            Session = session.ToProto(),
            Replicas = replicas,
            Count = count,
            Avoid = { avoid.Select(node => node.Value.ToProto()) },
        };
        return _connection.CallAsync(
            (c, o) => c.GrantAsync(message, o),
            answer => answer.Grants.ToArray(NamespaceMapping.FromProto),
            cancellationToken);
    }

    public ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken)
    {
        var message = new Protocol.RenewUploadRequest { Session = session.ToProto() };
        return _connection.CallAsync((c, o) => c.RenewUploadAsync(message, o), cancellationToken);
    }

    public ValueTask<CommittedFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken)
    {
        Protocol.CommitUploadRequest message = request.ToProto();
        return _connection.CallAsync(
            (c, o) => c.CommitUploadAsync(message, o),
            answer => new CommittedFile(
                answer.File.FileFromProto(), new NameDurability(Wire.ToEnum<BigFsDurability>(answer.NameDurability), answer.NameEngine)),
            cancellationToken);
    }

    public ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken)
    {
        Protocol.AbortUploadRequest message = NamespaceMapping.AbortUpload(session, written);
        return _connection.CallAsync((c, o) => c.AbortUploadAsync(message, o), cancellationToken);
    }

    public ValueTask<OpenedFile?> OpenAsync(BigFsPath path, CancellationToken cancellationToken)
    {
        var message = new Protocol.OpenRequest { Path = path.ToString() };
        return _connection.CallAsync(
            (c, o) => c.OpenAsync(message, o), answer => answer.Opened?.FromProto(), cancellationToken);
    }

    public ValueTask<ImmutableArray<VolumeLocation>> LocateAsync(
        ImmutableArray<VolumeId> volumes, CancellationToken cancellationToken)
    {
        var message = new Protocol.LocateRequest { Volumes = { volumes.Select(volume => volume.Value) } };
        return _connection.CallAsync(
            (c, o) => c.LocateAsync(message, o),
            answer => answer.Locations.ToArray(NamespaceMapping.FromProto),
            cancellationToken);
    }

    public ValueTask<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken)
    {
        var message = new Protocol.FindRequest { Path = path.ToString() };
        return _connection.CallAsync(
            (c, o) => c.FindAsync(message, o), answer => answer.Entry?.FromProto(), cancellationToken);
    }

    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        Protocol.ListRequest message = request.ToProto();
        return _connection.CallAsync((c, o) => c.ListAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        Protocol.CreateDirectoryRequest message = NamespaceMapping.CreateDirectory(operation, path);
        return _connection.CallAsync((c, o) => c.CreateDirectoryAsync(message, o), cancellationToken);
    }

    public ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        Protocol.DeleteRequest message = request.ToProto();
        return _connection.CallAsync((c, o) => c.DeleteAsync(message, o), answer => answer.Deleted, cancellationToken);
    }

    public ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        Protocol.MoveRequest message = request.ToProto();
        return _connection.CallAsync(
            (c, o) => c.MoveAsync(message, o), answer => answer.Entry.Required("the entry").FromProto(), cancellationToken);
    }

    public ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken)
    {
        Protocol.ReplicaFault message = fault.ToProto();
        return _connection.CallAsync((c, o) => c.ReportAsync(message, o), cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _names.DisposeAsync().ConfigureAwait(false);
        _channels.Dispose();
    }

    private static string EndpointOf(BigFsClientOptions options)
    {
        Uri endpoint = options.Endpoint;
        bool legal = endpoint is { IsAbsoluteUri: true, Scheme: "bigfs", Host.Length: > 0, Port: > 0 }
            && endpoint.UserInfo.Length == 0 && endpoint.PathAndQuery is "/" or "";
        return legal
            ? endpoint.Authority
            : throw Invalid(nameof(options.Endpoint), $"is \"{endpoint}\", \"bigfs://host:port\" is expected");
    }

    private static ControlTimeouts TimeoutsOf(BigFsClientOptions options) => new()
    {
        Connect = Checked(options.ConnectTimeout, nameof(options.ConnectTimeout)),
        Operation = Checked(options.OperationTimeout, nameof(options.OperationTimeout)),
    };

    private static TimeSpan Checked(TimeSpan time, string setting) =>
        time > TimeSpan.Zero && time <= TimeSpan.FromDays(1)
            ? time
            : throw Invalid(setting, $"is {time}, more than zero and at most a day is expected");

    private static BigFsException Invalid(string setting, string problem) =>
        new(BigFsErrorCode.InvalidSettings, $"The setting {setting} {problem}.");
}

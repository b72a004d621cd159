using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using FileServerClient = BigFs.Protocol.FileServer.FileServerClient;

namespace BigFs.Internal.Grpc;

/// <summary>The file servers of a cluster over gRPC, found at its name servers, balanced.</summary>
internal sealed class GrpcFileServer : IFileServer, IAsyncDisposable
{
    private const string Role = "file server";

    private readonly ChannelCache _channels;
    private readonly GrpcNameServer? _names;
    private readonly RoleConnection<FileServerClient> _connection;

    /// <summary>Makes a client of the cluster whose name servers listen at "host:port", apart by commas; does no I/O.</summary>
    public GrpcFileServer(string nameServer, ControlTimeouts timeouts, TimeProvider clock, ChannelSecurity? security = null)
    {
        _channels = new ChannelCache(timeouts.Connect, security);
        _names = new GrpcNameServer(nameServer, _channels, timeouts, clock);
        _connection = Connect(new WatchedInstances(_names, ServiceRole.FileServer, clock), _channels, timeouts, clock);
    }

    /// <summary>Makes a client of the file servers that a source tells, which is its own from now on; does no I/O.</summary>
    public GrpcFileServer(
        InstanceSource instances, ControlTimeouts timeouts, TimeProvider clock, ChannelSecurity? security = null, string role = Role)
    {
        _channels = new ChannelCache(timeouts.Connect, security);
        _connection = Connect(instances, _channels, timeouts, clock, role);
    }

    public ValueTask<UploadTicket> BeginUploadAsync(
        BeginUploadRequest request, int grants, CancellationToken cancellationToken)
    {
        var message = new Protocol.BeginUploadRequest { Upload = request.ToProto(), Grants = grants };
        return _connection.CallAsync(
            (c, o) => c.BeginUploadAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public async ValueTask<ImmutableArray<ChunkGrant>> GrantAsync(
        Guid session,
        int replicas,
        int count,
        ImmutableArray<NodeId> avoid,
        bool together,
        CancellationToken cancellationToken)
    {
        var message = new Protocol.GrantRequest
        {
            Session = session.ToProto(),
            Replicas = replicas,
            Count = count,
            Together = together,
            Avoid = { avoid.Select(node => node.Value.ToProto()) },
        };
        Protocol.Answer answer =
            await _connection.ExchangeAsync(new Protocol.Call { Grant = message }, cancellationToken).ConfigureAwait(false);
        return answer.Grant.Required("the grants").Grants.ToArray(NamespaceMapping.FromProto);
    }

    public ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken)
    {
        var message = new Protocol.RenewUploadRequest { Session = session.ToProto() };
        return _connection.CallAsync((c, o) => c.RenewUploadAsync(message, o), cancellationToken);
    }

    public async ValueTask<CommittedFile> CommitUploadAsync(
        CommitUploadRequest request, CancellationToken cancellationToken)
    {
        Protocol.CommitUploadRequest message = request.ToProto();
        if (request.Manifest.Length + request.Discarded.Length > ControlLimits.MaxStreamedChunks)
        {
            return await _connection.CallAsync(
                (c, o) => c.CommitUploadAsync(message, o), SmallFileMapping.FromProto, cancellationToken).ConfigureAwait(false);
        }

        Protocol.Answer answer = await _connection.ExchangeAsync(
            new Protocol.Call { CommitUpload = message }, cancellationToken).ConfigureAwait(false);
        return answer.Committed.Required("the committed file").FromProto();
    }

    public ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken)
    {
        Protocol.AbortUploadRequest message = NamespaceMapping.AbortUpload(session, written);
        return _connection.CallAsync((c, o) => c.AbortUploadAsync(message, o), cancellationToken);
    }

    public ValueTask<UploadTicket> BeginSharedAsync(
        BeginSharedRequest request, int grants, CancellationToken cancellationToken)
    {
        var message = new Protocol.BeginSharedFilesRequest { Session = request.ToProto(), Grants = grants };
        return _connection.CallAsync(
            (c, o) => c.BeginSharedAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public async ValueTask<CommittedFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        Protocol.CommitFileRequest message = request.ToProto();
        if (request.Manifest.Length + request.Discarded.Length > ControlLimits.MaxStreamedChunks)
        {
            return await _connection.CallAsync(
                (c, o) => c.CommitFileAsync(message, o), SmallFileMapping.FromProto, cancellationToken).ConfigureAwait(false);
        }

        Protocol.Answer answer = await _connection.ExchangeAsync(
            new Protocol.Call { CommitFile = message }, cancellationToken).ConfigureAwait(false);
        return answer.Committed.Required("the committed file").FromProto();
    }

    public ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken)
    {
        Protocol.AbortFileRequest message = request.ToProto();
        return _connection.CallAsync((c, o) => c.AbortFileAsync(message, o), cancellationToken);
    }

    public ValueTask<OpenedFile?> OpenAsync(BigFsPath path, CancellationToken cancellationToken) =>
        OpenStaleAsync(path, TimeSpan.Zero, cancellationToken);

    public async ValueTask<OpenedFile?> OpenStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        Protocol.OpenResponse answer = await OpenAsync(
            new Protocol.OpenRequest { Path = path.ToString(), MaxStaleness = maxStaleness.Ticks }, cancellationToken).ConfigureAwait(false);
        return answer.Opened?.FromProto();
    }

    public async ValueTask<OpenedChange?> OpenChangedAsync(BigFsPath path, KnownFile known, CancellationToken cancellationToken)
    {
        Protocol.OpenResponse answer = await OpenAsync(
            new Protocol.OpenRequest { Path = path.ToString(), Known = known.ToProto() }, cancellationToken).ConfigureAwait(false);
        return answer.Unchanged ? null : new OpenedChange(answer.Opened?.FromProto());
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

    public ValueTask<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken) =>
        FindStaleAsync(path, TimeSpan.Zero, cancellationToken);

    public async ValueTask<BigFsEntry?> FindStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        var message = new Protocol.FindRequest { Path = path.ToString(), MaxStaleness = maxStaleness.Ticks };
        Protocol.Answer answer =
            await _connection.ExchangeAsync(new Protocol.Call { Find = message }, cancellationToken).ConfigureAwait(false);
        return answer.Find.Required("the answer").Entry?.FromProto();
    }

    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        Protocol.ListRequest message = request.ToProto();
        return _connection.CallAsync((c, o) => c.ListAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public IAsyncEnumerable<EntryPage> StreamAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        Protocol.ListRequest message = request.ToProto();
        return _connection.StreamAsync(
            (c, o) => c.StreamList(message, o),
            part => EntryPage.OfPacked(request.Directory, part.Entries.Memory),
            cancellationToken);
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

    public ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken)
    {
        Protocol.StageChunksRequest message = request.ToProto();
        return _connection.CallAsync((c, o) => c.StageChunksAsync(message, o), cancellationToken);
    }

    public ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken)
    {
        Protocol.ManifestRequest message = request.ToProto();
        return _connection.CallAsync(
            (c, o) => c.ReadManifestAsync(message, o), VersionMapping.FromProto, cancellationToken);
    }

    public ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken)
    {
        var message = new Protocol.RenewReadRequest { Version = version.Value };
        return _connection.CallAsync(
            (c, o) => c.RenewReadAsync(message, o), answer => TimeSpan.FromTicks(answer.Lease), cancellationToken);
    }

    public ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken)
    {
        var message = new Protocol.StartTotalsRequest { Operation = operation.ToProto(), Path = path.ToString() };
        return _connection.CallAsync((c, o) => c.StartTotalsAsync(message, o), VersionMapping.FromProto, cancellationToken);
    }

    public ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken)
    {
        var message = new Protocol.FindJobRequest { Job = job.ToProto() };
        return _connection.CallAsync((c, o) => c.FindJobAsync(message, o), answer => answer.Job?.FromProto(), cancellationToken);
    }

    public ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken)
    {
        var message = new Protocol.FindJobRequest { Job = job.ToProto() };
        return _connection.CallAsync((c, o) => c.CancelJobAsync(message, o), answer => answer.Cancelled, cancellationToken);
    }

    public ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken)
    {
        Protocol.ReplicaFault message = fault.ToProto();
        return _connection.CallAsync((c, o) => c.ReportAsync(message, o), cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        if (_names is not null)
        {
            await _names.DisposeAsync().ConfigureAwait(false);
        }

        _channels.Dispose();
    }

    private async ValueTask<Protocol.OpenResponse> OpenAsync(Protocol.OpenRequest message, CancellationToken cancellationToken)
    {
        Protocol.Answer answer =
            await _connection.ExchangeAsync(new Protocol.Call { Open = message }, cancellationToken).ConfigureAwait(false);
        return answer.OutcomeCase == Protocol.Answer.OutcomeOneofCase.TooLarge
            ? await _connection.CallAsync((c, o) => c.OpenAsync(message, o), static opened => opened, cancellationToken).ConfigureAwait(false)
            : answer.Open.Required("the answer");
    }

    private static RoleConnection<FileServerClient> Connect(
        InstanceSource instances, ChannelCache channels, ControlTimeouts timeouts, TimeProvider clock, string role = Role) =>
        new(role, instances, channels, c => new FileServerClient(c), timeouts, clock, (c, o) => c.Exchange(o));
}

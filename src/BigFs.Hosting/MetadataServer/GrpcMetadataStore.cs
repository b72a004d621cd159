using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Internal.Grpc;
using MetadataServerClient = BigFs.Protocol.MetadataServer.MetadataServerClient;

namespace BigFs.Hosting.MetadataServer;

/// <summary>The metadata server over gRPC, found at the name server.</summary>
internal sealed class GrpcMetadataStore : IMetadataStore, IAsyncDisposable
{
    private readonly RoleConnection<MetadataServerClient> _connection;
    private readonly bool _unary;

    /// <summary>Makes a client; name server and channels stay the caller's.</summary>
    /// <param name="names">Where metadata servers are.</param>
    /// <param name="channels">Connections.</param>
    /// <param name="timeouts">How long to try.</param>
    /// <param name="clock">The clock of deadlines.</param>
    /// <param name="unary">Whether the hot operations are calls of their own, too, instead of sharing a stream.</param>
    /// <param name="inline">As of <see cref="CallStream"/>.</param>
    public GrpcMetadataStore(
        INameServer names,
        ChannelCache channels,
        ControlTimeouts timeouts,
        TimeProvider clock,
        bool unary = false,
        bool inline = true)
    {
        _unary = unary;
        _connection = new(
            "metadata server",
            new WatchedInstances(names, ServiceRole.MetadataServer, clock),
            channels,
            c => new MetadataServerClient(c),
            timeouts,
            clock,
            (c, o) => c.Exchange(o),
            inline);
    }

    public ValueTask<long> NextIncarnationAsync(CancellationToken cancellationToken) =>
        _connection.CallAsync(
            (c, o) => c.NextIncarnationAsync(new Protocol.Empty(), o), answer => answer.Incarnation, cancellationToken);

    public async ValueTask<MetadataEntry?> FindAsync(
        BigFsPath path, bool withManifest, CancellationToken cancellationToken) =>
        (await FindAsync(
            new Protocol.FindMetadataRequest { Path = path.ToString(), WithManifest = withManifest }, cancellationToken)
            .ConfigureAwait(false)).FromProto();

    public async ValueTask<MetadataChange?> FindChangedAsync(
        BigFsPath path, BigFsVersion known, CancellationToken cancellationToken) =>
        (await FindAsync(
            new Protocol.FindMetadataRequest { Path = path.ToString(), KnownVersion = known.Value }, cancellationToken)
            .ConfigureAwait(false)).ChangeFromProto();

    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        Protocol.ListRequest message = request.ToProto();
        return _connection.CallAsync((c, o) => c.ListAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public IAsyncEnumerable<EntryPage> StreamAsync(MetadataListRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        Protocol.ListRequest message = request.ToProto();
        return _connection.StreamAsync(
            (c, o) => c.StreamList(message, o),
            part => EntryPage.OfPacked(request.Directory, part.Entries.Memory),
            cancellationToken);
    }

    public ValueTask<UploadSession> BeginUploadAsync(BeginUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        Protocol.UploadOpening message = request.ToProto();
        return _connection.CallAsync(
            (c, o) => c.BeginUploadAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken)
    {
        var message = new Protocol.RenewUploadRequest { Session = session.ToProto() };
        return _connection.CallAsync((c, o) => c.RenewUploadAsync(message, o), cancellationToken);
    }

    public async ValueTask<BigFsFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.RequireManifest(request.Manifest);
        MetadataChecks.CheckWritten(request.Discarded);
        Protocol.CommitUploadRequest message = request.ToProto();
        if (_unary || request.Manifest.Length + request.Discarded.Length > ControlLimits.MaxStreamedChunks)
        {
            return await _connection.CallAsync(
                (c, o) => c.CommitUploadAsync(message, o), answer => answer.File.FileFromProto(), cancellationToken).ConfigureAwait(false);
        }

        Protocol.Answer answer = await _connection.ExchangeAsync(
            new Protocol.Call { CommitUpload = message }, cancellationToken).ConfigureAwait(false);
        return answer.CommittedMetadata.Required("the answer").File.FileFromProto();
    }

    public ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken)
    {
        Protocol.AbortUploadRequest message = NamespaceMapping.AbortUpload(session, written);
        return _connection.CallAsync((c, o) => c.AbortUploadAsync(message, o), cancellationToken);
    }

    public ValueTask<UploadSession> BeginSharedAsync(BeginSharedRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.Check(request);
        Protocol.BeginSharedRequest message = request.ToProto();
        return _connection.CallAsync(
            (c, o) => c.BeginSharedAsync(message, o), NamespaceMapping.FromProto, cancellationToken);
    }

    public async ValueTask<BigFsFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        MetadataChecks.RequireManifest(request.Manifest);
        MetadataChecks.CheckWritten(request.Discarded);
        Protocol.CommitFileRequest message = request.ToProto();
        if (_unary || request.Manifest.Length + request.Discarded.Length > ControlLimits.MaxStreamedChunks)
        {
            return await _connection.CallAsync(
                (c, o) => c.CommitFileAsync(message, o), answer => answer.File.FileFromProto(), cancellationToken).ConfigureAwait(false);
        }

        Protocol.Answer answer = await _connection.ExchangeAsync(
            new Protocol.Call { CommitFile = message }, cancellationToken).ConfigureAwait(false);
        return answer.CommittedMetadata.Required("the answer").File.FileFromProto();
    }

    public ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken)
    {
        Protocol.AbortFileRequest message = request.ToProto();
        return _connection.CallAsync((c, o) => c.AbortFileAsync(message, o), cancellationToken);
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

    public ValueTask<ImmutableArray<MetadataJob>> ListJobsAsync(CancellationToken cancellationToken) =>
        _connection.CallAsync(
            (c, o) => c.ListJobsAsync(new Protocol.Empty(), o),
            answer => answer.Jobs.ToArray(VersionMapping.FromProto),
            cancellationToken);

    public ValueTask<ImmutableArray<ChunkOwners>> FindOwnersAsync(
        ImmutableArray<ChunkKey> chunks, CancellationToken cancellationToken)
    {
        var message = new Protocol.FindOwnersRequest { Chunks = { chunks.Select(chunk => chunk.Value) } };
        return _connection.CallAsync(
            (c, o) => c.FindOwnersAsync(message, o),
            answer => answer.Chunks.ToArray(VersionMapping.FromProto),
            cancellationToken);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async ValueTask<Protocol.FindMetadataResponse> FindAsync(
        Protocol.FindMetadataRequest message, CancellationToken cancellationToken)
    {
        if (!_unary)
        {
            Protocol.Answer answer = await _connection.ExchangeAsync(
                new Protocol.Call { FindMetadata = message }, cancellationToken).ConfigureAwait(false);
            if (answer.OutcomeCase != Protocol.Answer.OutcomeOneofCase.TooLarge)
            {
                return answer.FindMetadata.Required("the answer");
            }
        }

        return await _connection.CallAsync(
            (c, o) => c.FindAsync(message, o), static found => found, cancellationToken).ConfigureAwait(false);
    }
}

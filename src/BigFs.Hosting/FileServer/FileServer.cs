using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Placement;
using BigFs.Core.Security;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.FileServer;

/// <summary>
/// The stateless front of the control plane: grants chunks on well-chosen volumes, maps files to chunks and chunks to
/// datanodes, passes namespace operations on. Any number of them may serve one cluster.
/// </summary>
internal sealed class FileServer : IFileServer, IAsyncDisposable
{
    private readonly IMetadataStore _metadata;
    private readonly CachedMetadata _cached;
    private readonly INodeManager _nodeManager;
    private readonly NameDurability _nameDurability;
    private readonly ClusterMapView _view;
    private readonly CapabilitySigner _signer;
    private readonly ChunkKeyScatter? _scatter;
    private readonly ReadCapabilities _reads;
    private readonly GrantPlanner _planner = new();
    private readonly SemaphoreSlim _starting = new(1, 1);
    private long _incarnation;
    private long _counter;

    /// <summary>Makes a file server.</summary>
    /// <param name="metadata">The namespace.</param>
    /// <param name="nodeManager">The volume map.</param>
    /// <param name="signer">Makes the capabilities of grants and locations.</param>
    /// <param name="bus">Tells when the map changes.</param>
    /// <param name="nameDurability">How safe a committed name is, for receipts.</param>
    /// <param name="cacheBytes">Most memory for entries and manifests that were read, about; 0 for none.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Where events go.</param>
    /// <param name="scatter">Scatters the keys of chunks, where clients are kept apart; null: they follow each other.</param>
    public FileServer(
        IMetadataStore metadata,
        INodeManager nodeManager,
        CapabilitySigner signer,
        IClusterBus bus,
        NameDurability nameDurability,
        long cacheBytes,
        TimeProvider time,
        ILogger logger,
        ChunkKeyScatter? scatter = null)
    {
        _scatter = scatter;
        _signer = signer;
        _reads = new ReadCapabilities(signer, time);
        _metadata = metadata;
        _cached = new CachedMetadata(metadata, bus, cacheBytes, time);
        _nodeManager = nodeManager;
        _nameDurability = nameDurability;
        _view = new ClusterMapView(nodeManager, bus, time, logger);
    }

    /// <summary>Starts to follow the cluster map.</summary>
    public Task StartAsync()
    {
        _view.Start();
        _cached.Start();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask<UploadTicket> BeginUploadAsync(
        BeginUploadRequest request, int grants, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        int replicas = await ReplicasAsync(request.Replicas, cancellationToken);
        ImmutableArray<ChunkGrant> first = await FirstGrantsAsync(request.Operation, replicas, grants, cancellationToken);
        UploadSession session = await _metadata.BeginUploadAsync(request with { Replicas = replicas }, cancellationToken);
        return new UploadTicket(session, first);
    }

    /// <inheritdoc/>
    public async ValueTask<UploadTicket> BeginSharedAsync(
        BeginSharedRequest request, int grants, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        int replicas = await ReplicasAsync(request.Replicas, cancellationToken);
        ImmutableArray<ChunkGrant> first = await FirstGrantsAsync(request.Operation, replicas, grants, cancellationToken);
        UploadSession session = await _metadata.BeginSharedAsync(request with { Replicas = replicas }, cancellationToken);
        return new UploadTicket(session, first);
    }

    /// <inheritdoc/>
    public async ValueTask<CommittedFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);

        // With a session its number of replicas holds; without one the default is the cluster's, as for any file.
        CommitFileRequest settled = request is { Session: null, Replicas: 0 }
            ? request with { Replicas = await ReplicasAsync(0, cancellationToken) }
            : request;
        BigFsFile file = await _metadata.CommitFileAsync(settled, cancellationToken);
        _cached.Forget(file.Path, tree: false);
        return new CommittedFile(file, _nameDurability);
    }

    /// <inheritdoc/>
    public ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken) =>
        _metadata.AbortFileAsync(request, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ImmutableArray<ChunkGrant>> GrantAsync(
        Guid session,
        int replicas,
        int count,
        ImmutableArray<NodeId> avoid,
        bool together,
        CancellationToken cancellationToken)
    {
        if (count is < 1 or > Limits.MaxGrantBatch)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"{count} grants were asked for; 1 to {Limits.MaxGrantBatch} are given at once.");
        }

        long incarnation = await IncarnationAsync(cancellationToken);
        ClusterMap map = await _view.GetAsync(cancellationToken);
        GrantPlan plan = _planner.Plan(map, replicas, avoid, count, together);
        if (plan.Status != GrantPlanStatus.Planned)
        {
            // The node manager knows better than a view that may be old, and opens volumes where they are missing.
            map = _view.Offer(await _nodeManager.EnsureWritableAsync(replicas, cancellationToken));
            plan = _planner.Plan(map, replicas, avoid, count, together);
        }

        if (plan.Status == GrantPlanStatus.NeedsVolumes && avoid.Length > 0)
        {
            // Avoidance is a wish: where every open volume has an avoided node, the caller may try that node again.
            plan = _planner.Plan(map, replicas, [], count, together);
        }

        if (plan.Status != GrantPlanStatus.Planned)
        {
            throw new BigFsException(
                BigFsErrorCode.NotEnoughNodes,
                $"{plan.NodesUp} datanodes are up, {replicas} are needed for {replicas} replicas"
                + (plan.Status == GrantPlanStatus.NeedsVolumes ? " and no volume stands open on them yet." : "."));
        }

        Dictionary<NodeId, ClusterNode> nodes = map.Nodes.ToDictionary(node => node.Id);
        return [.. plan.Chunks.Select(chunk => Grant(chunk, nodes, incarnation))];
    }

    /// <inheritdoc/>
    public ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken) =>
        _metadata.RenewUploadAsync(session, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<CommittedFile> CommitUploadAsync(
        CommitUploadRequest request, CancellationToken cancellationToken)
    {
        BigFsFile file = await _metadata.CommitUploadAsync(request, cancellationToken);
        _cached.Forget(file.Path, tree: false);
        return new CommittedFile(file, _nameDurability);
    }

    /// <inheritdoc/>
    public ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken) =>
        _metadata.AbortUploadAsync(session, written, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<OpenedFile?> OpenAsync(BigFsPath path, CancellationToken cancellationToken) =>
        OpenStaleAsync(path, TimeSpan.Zero, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<OpenedFile?> OpenStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        MetadataEntry? found = await _cached.OpenAsync(path, maxStaleness, cancellationToken);
        return await LocatedAsync(path, found, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<OpenedChange?> OpenChangedAsync(BigFsPath path, KnownFile known, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(known);
        MetadataChange? change = await _cached.FindChangedAsync(path, known.Version, cancellationToken);
        if (change is not null)
        {
            return new OpenedChange(await LocatedAsync(path, change.Found, cancellationToken));
        }

        ClusterMap map = await _view.GetAsync(cancellationToken);
        return VolumeLocations.IsOfEpoch(map, known.Volume, known.Epoch)
            ? null
            : new OpenedChange(await OpenAsync(path, cancellationToken));
    }

    /// <summary>What was found with the places of its volumes.</summary>
    private async ValueTask<OpenedFile?> LocatedAsync(BigFsPath path, MetadataEntry? found, CancellationToken cancellationToken)
    {
        switch (found?.Entry)
        {
            case null:
                return null;
            case BigFsFile file:
                ImmutableArray<VolumeId> volumes = [.. found.Manifest.Select(chunk => chunk.Volume).Distinct()];
                ClusterMap map = await _view.GetAsync(cancellationToken);
                ImmutableArray<VolumeLocation> locations = VolumeLocations.Find(map, volumes, _reads);
                if (locations.Length < volumes.Length)
                {
                    locations = VolumeLocations.Find(await _view.RefreshAsync(cancellationToken), volumes, _reads);
                }

                return new OpenedFile
                {
                    File = file,
                    Manifest = found.Manifest,
                    Locations = locations,
                    Content = found.Content,
                    Chunks = found.Chunks,
                    Lease = found.Lease,
                };
            default:
                throw new BigFsException(BigFsErrorCode.IsDirectory, $"{path} is a directory; a file is expected.")
                {
                    Path = path.ToString(),
                };
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ImmutableArray<VolumeLocation>> LocateAsync(
        ImmutableArray<VolumeId> volumes, CancellationToken cancellationToken) =>
        VolumeLocations.Find(await _view.RefreshAsync(cancellationToken), volumes, _reads);

    /// <inheritdoc/>
    public ValueTask<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken) =>
        FindStaleAsync(path, TimeSpan.Zero, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<BigFsEntry?> FindStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken) =>
        _cached.FindAsync(path, maxStaleness, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken) =>
        _metadata.ListAsync(request, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<EntryPage> StreamAsync(MetadataListRequest request, CancellationToken cancellationToken) =>
        _metadata.StreamAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken) =>
        _metadata.CreateDirectoryAsync(operation, path, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        bool deleted = await _metadata.DeleteAsync(request, cancellationToken);
        _cached.Forget(request.Path, tree: request.Recursive);
        return deleted;
    }

    /// <inheritdoc/>
    public async ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        BigFsEntry moved = await _metadata.MoveAsync(request, cancellationToken);
        _cached.Forget(request.Source, tree: moved is BigFsDirectory);
        _cached.Forget(request.Destination, tree: moved is BigFsDirectory);
        return moved;
    }

    /// <inheritdoc/>
    public ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken) =>
        _metadata.StageChunksAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken) =>
        _metadata.ReadManifestAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken) =>
        _metadata.RenewReadAsync(version, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken) =>
        _metadata.StartTotalsAsync(operation, path, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken) =>
        _metadata.FindJobAsync(job, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken) =>
        _metadata.CancelJobAsync(job, cancellationToken);

    /// <inheritdoc/>
    public ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken) =>
        _nodeManager.ReportAsync(fault, cancellationToken);

    /// <summary>Stops following the map.</summary>
    public async ValueTask DisposeAsync()
    {
        await _cached.DisposeAsync();
        await _view.DisposeAsync();
        _starting.Dispose();
    }

    private async ValueTask<int> ReplicasAsync(int asked, CancellationToken cancellationToken) => asked switch
    {
        0 => (await _view.GetAsync(cancellationToken)).DefaultReplicas,
        >= 1 and <= Limits.MaxReplicas => asked,
        _ => throw new BigFsException(
            BigFsErrorCode.InvalidArgument,
            $"{asked} replicas were asked for; 1 to {Limits.MaxReplicas} are possible."),
    };

    /// <summary>Grants before a session: a shortage of datanodes is said before anything is recorded.</summary>
    private async ValueTask<ImmutableArray<ChunkGrant>> FirstGrantsAsync(
        Guid session, int replicas, int grants, CancellationToken cancellationToken) =>
        grants == 0 ? [] : await GrantAsync(session, replicas, grants, [], together: false, cancellationToken);

    private ChunkGrant Grant(PlannedChunk chunk, Dictionary<NodeId, ClusterNode> nodes, long incarnation)
    {
        ChunkKey next = ChunkKey.Create(incarnation, Interlocked.Increment(ref _counter));
        ChunkKey key = _scatter?.Scatter(next) ?? next;
        return new ChunkGrant
        {
            Key = key,
            Volume = chunk.Volume,
            Epoch = chunk.Epoch,
            Pipeline = [.. chunk.Members.Select(id => new NodeAddress(id, nodes[id].TransferEndpoint))],
            Capability = _signer.SignWrite(chunk.Volume, chunk.Epoch, chunk.Members, key, Limits.MaxChunkSize),
        };
    }

    /// <summary>This start's number from the database, fetched before the first grant: chunk keys are made of it.</summary>
    private async ValueTask<long> IncarnationAsync(CancellationToken cancellationToken)
    {
        long known = Volatile.Read(ref _incarnation);
        if (known != 0)
        {
            return known;
        }

        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_incarnation == 0)
            {
                Volatile.Write(ref _incarnation, await _metadata.NextIncarnationAsync(cancellationToken));
            }

            return _incarnation;
        }
        finally
        {
            _starting.Release();
        }
    }
}

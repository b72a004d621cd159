using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Telemetry;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.MetadataServer;

/// <summary>
/// The metadata server: an engine's namespace for everyone, and the worker that carries its deletions out on datanodes.
/// Before it deletes anything it makes sure that namespace and node manager belong to the same cluster; until the node
/// manager answers it serves without deleting, and if they turn out not to agree it refuses everything. It does not own
/// the engine: who opened that closes it after this. Thread-safe.
/// </summary>
internal sealed partial class MetadataServer : IMetadataStore, IAsyncDisposable
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <summary>How long the start waits for the node manager, whose client may wait much longer for the role.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(1);

    private readonly IMetadataStore _engine;
    private readonly IMetadataStore _measured;
    private readonly IMetadataIdentity _identity;
    private readonly INodeManager _nodeManager;
    private readonly TombstoneWorker _worker;
    private readonly InvalidationPublisher _invalidations;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private bool _saidNotAgreedYet;
    private Task _loop = Task.CompletedTask;
    private volatile BigFsException? _refusal;

    /// <summary>Makes the server of one engine, whose three sides are given apart.</summary>
    public MetadataServer(
        IMetadataStore engine,
        ITombstoneQueue tombstones,
        IMetadataIdentity identity,
        INodeManager nodeManager,
        IDataNodeDirectory dataNodes,
        IClusterBus bus,
        TombstoneWorkerOptions options,
        TimeProvider time,
        ILogger<MetadataServer> logger)
    {
        (_engine, _identity, _nodeManager, _time, _logger) = (engine, identity, nodeManager, time, logger);
        _measured = MeasuredStore.Over(engine);
        _invalidations = new InvalidationPublisher(bus, time);
        _worker = new TombstoneWorker(tombstones, identity, nodeManager, dataNodes, options, time, logger);
    }

    /// <summary>
    /// Starts the worker. When the node manager answers within a second, cluster ids are compared before this returns;
    /// else later.
    /// </summary>
    /// <exception cref="BigFsException">WrongCluster: the namespace belongs to another cluster.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        bool agreed = false;
        using var patience = new CancellationTokenSource(StartPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            agreed = await TryAgreeAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            SayNotAgreedYet(exception);
        }

        _loop = RunAsync(agreed);
    }

    /// <summary>Stops the worker after its step.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _invalidations.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <inheritdoc/>
    public ValueTask<long> NextIncarnationAsync(CancellationToken cancellationToken) =>
        Engine.NextIncarnationAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataEntry?> FindAsync(BigFsPath path, bool withManifest, CancellationToken cancellationToken) =>
        Engine.FindAsync(path, withManifest, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataChange?> FindChangedAsync(
        BigFsPath path, BigFsVersion known, CancellationToken cancellationToken) =>
        Engine.FindChangedAsync(path, known, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken) =>
        Engine.ListAsync(request, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<EntryPage> StreamAsync(MetadataListRequest request, CancellationToken cancellationToken) =>
        Engine.StreamAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginUploadAsync(BeginUploadRequest request, CancellationToken cancellationToken) =>
        Engine.BeginUploadAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken) =>
        Engine.RenewUploadAsync(session, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<BigFsFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken)
    {
        BigFsFile file = await Engine.CommitUploadAsync(request, cancellationToken).ConfigureAwait(false);
        _invalidations.Add(file.Path, tree: false);
        return file;
    }

    /// <inheritdoc/>
    public ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken) =>
        Engine.AbortUploadAsync(session, written, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UploadSession> BeginSharedAsync(BeginSharedRequest request, CancellationToken cancellationToken) =>
        Engine.BeginSharedAsync(request, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<BigFsFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken)
    {
        BigFsFile file = await Engine.CommitFileAsync(request, cancellationToken).ConfigureAwait(false);
        _invalidations.Add(file.Path, tree: false);
        return file;
    }

    /// <inheritdoc/>
    public ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken) =>
        Engine.AbortFileAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken) =>
        Engine.CreateDirectoryAsync(operation, path, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken)
    {
        bool deleted = await Engine.DeleteAsync(request, cancellationToken).ConfigureAwait(false);

        // Beneath a directory that is not deleted recursively there is nothing.
        _invalidations.Add(request.Path, tree: request.Recursive);
        return deleted;
    }

    /// <inheritdoc/>
    public async ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken)
    {
        BigFsEntry moved = await Engine.MoveAsync(request, cancellationToken).ConfigureAwait(false);
        _invalidations.Add(request.Source, tree: moved is BigFsDirectory);
        _invalidations.Add(request.Destination, tree: moved is BigFsDirectory);
        return moved;
    }

    /// <inheritdoc/>
    public ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken) =>
        Engine.ReadManifestAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken) =>
        Engine.RenewReadAsync(version, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ChunkOwners>> FindOwnersAsync(
        ImmutableArray<ChunkKey> chunks, CancellationToken cancellationToken) =>
        Engine.FindOwnersAsync(chunks, cancellationToken);

    /// <inheritdoc/>
    public ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken) =>
        Engine.StageChunksAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken) =>
        Engine.StartTotalsAsync(operation, path, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken) =>
        Engine.FindJobAsync(job, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<MetadataJob>> ListJobsAsync(CancellationToken cancellationToken) =>
        Engine.ListJobsAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken) =>
        Engine.CancelJobAsync(job, cancellationToken);

    private IMetadataStore Engine => _refusal is { } refusal
        ? throw new BigFsException(refusal.Code, refusal.Message, refusal)
        : MeasuredStore.IsObserved ? _measured : _engine;

    private async Task RunAsync(bool agreed)
    {
        CancellationToken stopping = _stop.Token;
        try
        {
            while (!agreed)
            {
                await Task.Delay(RetryPause, _time, stopping).ConfigureAwait(false);
                agreed = await TryAgreeAsync(stopping).ConfigureAwait(false);
            }

            await _worker.RunAsync(stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The end of the loop.
        }
        catch (BigFsException exception)
        {
            _refusal = exception;
            LogRefused(exception);
        }
    }

    // False: not known yet. Another cluster is thrown.
    private async Task<bool> TryAgreeAsync(CancellationToken cancellationToken)
    {
        try
        {
            ClusterMap? map = await _nodeManager.GetMapAsync(-1, cancellationToken).ConfigureAwait(false);
            if (map is null)
            {
                return false;
            }

            // Both sides remember the other for good: an empty database put beside a cluster's datanodes is not theirs.
            NamespaceIdentity own = await _identity.IdentityAsync(cancellationToken).ConfigureAwait(false);
            if (own.Cluster is null || own.Cluster == map.ClusterId)
            {
                await _nodeManager.BindNamespaceAsync(own.Namespace, own.Generation, cancellationToken).ConfigureAwait(false);
            }

            await _identity.AdoptClusterIdAsync(map.ClusterId, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (BigFsException exception) when (exception.Code != BigFsErrorCode.WrongCluster)
        {
            SayNotAgreedYet(exception);
            return false;
        }
    }

    private void SayNotAgreedYet(Exception exception)
    {
        if (!_saidNotAgreedYet)
        {
            _saidNotAgreedYet = true;
            LogNotAgreedYet(exception);
        }
    }

    [LoggerMessage(
        EventId = 3211,
        Level = LogLevel.Information,
        Message = "The node manager could not be asked for the cluster; deletions wait until it answers")]
    private partial void LogNotAgreedYet(Exception exception);

    [LoggerMessage(EventId = 3212, Level = LogLevel.Critical, Message = "The metadata server refuses everything from now on")]
    private partial void LogRefused(Exception exception);
}

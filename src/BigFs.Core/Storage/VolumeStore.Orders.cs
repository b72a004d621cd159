using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <content>The node manager's orders: one at a time, their terms remembered.</content>
public sealed partial class VolumeStore
{
    /// <inheritdoc/>
    public ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        ObeyAsync(order, OpenOrCreateAsync, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken) => ObeyAsync(
        order, async legal => Find(legal.Volume) is { } volume
            ? await volume.FenceAsync(legal)
            : ChunkStatus.VolumeNotFound,
        cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken) => ObeyAsync(
        order, async legal => Find(legal.Volume) is { } volume
            ? WantCompaction(await volume.SealAsync(legal))
            : ChunkStatus.VolumeNotFound,
        cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken)
    {
        if (generation < 1)
        {
            return ChunkStatus.Malformed;
        }

        if (!_operations.TryEnter())
        {
            return ChunkStatus.Busy;
        }

        try
        {
            if (generation <= _identity.Generation)
            {
                return generation < _identity.Generation ? ChunkStatus.StaleGeneration : ChunkStatus.Ok;
            }

            await _orders.WaitAsync(cancellationToken);
            try
            {
                if (generation > _identity.Generation)
                {
                    await RememberNeedsGateAsync(_identity with { Generation = generation });
                }

                return generation < _identity.Generation ? ChunkStatus.StaleGeneration : ChunkStatus.Ok;
            }
            catch (DiskException exception)
            {
                return FolderFailure(exception);
            }
            finally
            {
                _orders.Release();
            }
        }
        finally
        {
            _operations.Exit();
        }
    }

    /// <summary>
    /// Notes that the node manager has admitted this start of the node, and remembers its cluster durably before it returns.
    /// Until then an unclean start stays unclean, whatever its stop is like.
    /// </summary>
    /// <exception cref="BigFsException">
    /// <see cref="BigFsErrorCode.WrongCluster"/>: the node belongs to another one;
    /// <see cref="BigFsErrorCode.Unavailable"/>: the store is stopping;
    /// <see cref="BigFsErrorCode.OutOfSpace"/>, <see cref="BigFsErrorCode.Internal"/>: the disk refused or failed.
    /// </exception>
    public async ValueTask AdoptClusterAsync(Guid clusterId, CancellationToken cancellationToken = default)
    {
        if (!_operations.TryEnter())
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The datanode's store is stopping.");
        }

        try
        {
            await _orders.WaitAsync(cancellationToken);
            try
            {
                if (_identity.ClusterId is { } known && known != clusterId)
                {
                    throw new BigFsException(
                        BigFsErrorCode.WrongCluster,
                        $"The folder \"{_context.Options.DataDirectory}\" belongs to cluster {known:N}, not {clusterId:N}.");
                }

                if (_identity.ClusterId is null)
                {
                    await RememberNeedsGateAsync(_identity with { ClusterId = clusterId });
                }

                _isAdmitted = true;
            }
            finally
            {
                _orders.Release();
            }
        }
        catch (DiskException exception)
        {
            throw new BigFsException(
                exception.IsOutOfSpace ? BigFsErrorCode.OutOfSpace : BigFsErrorCode.Internal, exception.Message, exception);
        }
        finally
        {
            _operations.Exit();
        }
    }

    /// <summary>The order with its members ordered by id; null when it breaks a limit.</summary>
    private static VolumeOrder? Legal(VolumeOrder order)
    {
        if (order.Members.IsDefault
            || order.Members.Length is < 1 or > Limits.MaxReplicas
            || order.Members.Distinct().Count() != order.Members.Length
            || order.Epoch < 1
            || order.Term < 0
            || order.Volume.Value < 1)
        {
            return null;
        }

        return order with { Members = order.Members.Sort() };
    }

    private async ValueTask<ChunkStatus> ObeyAsync(
        VolumeOrder order, Func<VolumeOrder, ValueTask<ChunkStatus>> act, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(order);
        if (Legal(order) is not { } legal)
        {
            return ChunkStatus.Malformed;
        }

        if (!_operations.TryEnter())
        {
            return ChunkStatus.Busy;
        }

        try
        {
            // The gate is held until the order has been carried out: none of a lower term can come behind it.
            await _orders.WaitAsync(cancellationToken);
            try
            {
                ChunkStatus status = await AcceptTermNeedsGateAsync(legal.Term);
                return status == ChunkStatus.Ok ? await act(legal) : status;
            }
            finally
            {
                _orders.Release();
            }
        }
        finally
        {
            _operations.Exit();
        }
    }

    private async ValueTask<ChunkStatus> OpenOrCreateAsync(VolumeOrder order)
    {
        if (!order.Members.Contains(Node))
        {
            return ChunkStatus.Malformed;
        }

        if (Find(order.Volume) is { } known)
        {
            return await known.ReopenAsync(order);
        }

        try
        {
            if (!await _context.Shared.HasRoomAsync(2 * LogFormat.PageSize))
            {
                return ChunkStatus.OutOfSpace;
            }

            Volume created = await Volume.CreateAsync(_context, order, _context.Options.NewGuid());
            lock (_lock)
            {
                _volumes.Add(order.Volume, created);
            }

            return ChunkStatus.Ok;
        }
        catch (DiskException exception)
        {
            return FolderFailure(exception);
        }
    }

    /// <summary>Refuses lower terms and remembers higher ones; most carry the one that is known.</summary>
    private async ValueTask<ChunkStatus> AcceptTermAsync(long term, CancellationToken cancellationToken)
    {
        if (term == _identity.Term)
        {
            return ChunkStatus.Ok;
        }

        await _orders.WaitAsync(cancellationToken);
        try
        {
            return await AcceptTermNeedsGateAsync(term);
        }
        finally
        {
            _orders.Release();
        }
    }

    private async ValueTask<ChunkStatus> AcceptTermNeedsGateAsync(long term)
    {
        if (term <= _identity.Term)
        {
            return term < _identity.Term ? ChunkStatus.StaleTerm : ChunkStatus.Ok;
        }

        try
        {
            await RememberNeedsGateAsync(_identity with { Term = term });
            return ChunkStatus.Ok;
        }
        catch (DiskException exception)
        {
            return FolderFailure(exception);
        }
    }

    /// <summary>Stores the identity (never clean while the store is open) before it counts.</summary>
    private async ValueTask RememberNeedsGateAsync(NodeIdentity identity)
    {
        await NodeIdentityFile.SaveAsync(
            _context.Disk, _context.Options.DataDirectory, identity with { CleanStart = false });
        _identity = identity;
    }

    private ChunkStatus FolderFailure(DiskException exception)
    {
        StorageEvents.FolderFailed(_context.Logger, exception, _context.Options.DataDirectory);
        return exception.IsOutOfSpace ? ChunkStatus.OutOfSpace : ChunkStatus.DiskFailed;
    }
}

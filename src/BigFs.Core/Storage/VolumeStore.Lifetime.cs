using BigFs.Core.Faults;
using BigFs.Core.Model;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Storage;

/// <content>Opening the folder and the clean stop.</content>
public sealed partial class VolumeStore
{
    /// <summary>Opens the node's folder, makes it when it is new, and recovers its volumes.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="disk">The disk; stays the caller's and must outlive the store.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where events go.</param>
    /// <param name="cancellationToken">Ends the opening between two volumes.</param>
    /// <exception cref="BigFsException">
    /// InvalidSettings; DataInUse (another opener has the folder); DataUnreadable (the identity is missing beside volumes,
    /// damaged or of a newer format, or the disk failed).
    /// </exception>
    public static async Task<VolumeStore> OpenAsync(
        VolumeStoreOptions options, IDisk disk, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(logger);
        options.Validate();
        try
        {
            await disk.CreateDirectoryAsync(options.DataDirectory);
            IAsyncDisposable folderLock = await disk.LockDirectoryAsync(options.DataDirectory);
            try
            {
                return await OpenLockedAsync(options, disk, time, logger, folderLock, cancellationToken);
            }
            catch
            {
                await folderLock.DisposeAsync();
                throw;
            }
        }
        catch (DiskException exception)
        {
            throw new BigFsException(
                exception.IsOutOfSpace ? BigFsErrorCode.OutOfSpace : BigFsErrorCode.DataUnreadable,
                $"The data folder \"{options.DataDirectory}\" cannot be opened: {exception.Message}",
                exception);
        }
    }

    /// <summary>A clean stop; a second call does nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _stop.CancelAsync();
        await _operations.CloseAsync();
        await _compactor;

        // An unclean start that nobody was told of stays unclean: the next start has to tell it.
        bool isWhole = _identity.CleanStart || _isAdmitted;
        foreach (Volume volume in _volumes.Values)
        {
            isWhole &= await volume.CloseAsync();
        }

        string directory = _context.Options.DataDirectory;
        try
        {
            if (isWhole)
            {
                CrashPoint.Reach("stop.before-mark");
                await NodeIdentityFile.SaveAsync(_context.Disk, directory, _identity with { CleanStart = true });
            }
        }
        catch (DiskException exception)
        {
            StorageEvents.FolderFailed(_context.Logger, exception, directory);
            isWhole = false;
        }

        if (!isWhole)
        {
            StorageEvents.StoppedUncleanly(_context.Logger, directory);
        }

        await _folderLock.DisposeAsync();
        Buffers.Dispose();
        _context.Shared.Dispose();
        _orders.Dispose();
        _compacting.Dispose();
        _compactionWanted.Dispose();
        _stop.Dispose();
    }

    private static async Task<VolumeStore> OpenLockedAsync(
        VolumeStoreOptions options,
        IDisk disk,
        TimeProvider time,
        ILogger logger,
        IAsyncDisposable folderLock,
        CancellationToken cancellationToken)
    {
        string folder = VolumeContext.FolderOf(options);
        await disk.CreateDirectoryAsync(folder);
        IReadOnlyList<string> names = await disk.ListFilesAsync(folder);
        NodeIdentity identity = await NodeIdentityFile.LoadAsync(disk, options.DataDirectory)
            ?? NewIdentity(options, names);

        // The marker goes before anything else is written: whatever happens from here on is an unclean stop.
        await NodeIdentityFile.SaveAsync(disk, options.DataDirectory, identity with { CleanStart = false });
        var shared = new LogResources(disk, options, time);
        var context = new VolumeContext(disk, options, identity.Node, shared, time, logger);
        var volumes = new SortedDictionary<VolumeId, Volume>();
        try
        {
            HashSet<string> left = await RemoveLeftoversAsync(disk, folder, names);
            foreach (string name in names)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (VolumeContext.VolumeOf(name) is { } id)
                {
                    bool hasIndex = left.Contains(Path.GetFileName(context.IndexPathOf(id)));
                    volumes.Add(id, await Volume.LoadAsync(context, id, hasIndex));
                }
            }
        }
        catch
        {
            foreach (Volume volume in volumes.Values)
            {
                await volume.CloseAsync();
            }

            shared.Dispose();
            throw;
        }

        StorageEvents.StoreOpened(logger, options.DataDirectory, identity.Node, volumes.Count, identity.CleanStart);
        var store = new VolumeStore(context, folderLock, identity, volumes);
        store._compactor = store.CompactAllAsync();
        return store;
    }

    /// <summary>Removes what a crash left unfinished, and indexes without a log; returns the other names.</summary>
    private static async ValueTask<HashSet<string>> RemoveLeftoversAsync(
        IDisk disk, string folder, IReadOnlyList<string> names)
    {
        HashSet<VolumeId> logs = [.. names.Select(VolumeContext.VolumeOf).OfType<VolumeId>()];
        var left = new HashSet<string>(names, StringComparer.Ordinal);
        foreach (string name in names)
        {
            if (VolumeContext.IsLeftover(name)
                || (VolumeContext.IndexVolumeOf(name) is { } indexed && !logs.Contains(indexed)))
            {
                await disk.DeleteFileAsync(Path.Combine(folder, name));
                left.Remove(name);
            }
        }

        return left;
    }

    private static NodeIdentity NewIdentity(VolumeStoreOptions options, IReadOnlyList<string> names)
    {
        if (names.Any(name => VolumeContext.VolumeOf(name) is not null))
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable,
                $"The data folder \"{options.DataDirectory}\" holds volumes but no identity file.");
        }

        return new NodeIdentity { Node = new NodeId(options.NewGuid()), CleanStart = true };
    }
}

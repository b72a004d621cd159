using BigFs.Core.Messaging;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Telemetry;

namespace BigFs.Hosting.FileServer;

/// <summary>
/// What a file server reads of the namespace. A manifest that is in the cache is used after one call to the metadata server
/// that says whether path and version still hold; without a call only when the caller allows for staleness. Invalidation
/// events shorten that, and nothing rests on them. Thread-safe.
/// </summary>
internal sealed class CachedMetadata(IMetadataStore metadata, IClusterBus bus, long mostBytes, TimeProvider time) : IAsyncDisposable
{
    private readonly MetadataCache _cache = new(mostBytes);
    private readonly CancellationTokenSource _stop = new();
    private Task _following = Task.CompletedTask;

    /// <summary>Begins to follow the bus.</summary>
    public void Start() => _following = FollowAsync();

    /// <summary>The entry with its manifest; null when absent.</summary>
    /// <param name="path">Where.</param>
    /// <param name="maxStaleness">How old the answer may be; zero for one that holds now.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async ValueTask<MetadataEntry?> OpenAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        bool isKnown = _cache.TryGet(path, out MetadataEntry? known, out long readAt) && IsWhole(known);
        if (isKnown && IsFresh(readAt, maxStaleness))
        {
            FileServerMetrics.CacheAnswered(CacheOutcome.Stale);

            // What the lease was counted from is as old as the answer.
            TimeSpan left = known!.Lease - time.GetElapsedTime(readAt);
            return known with { Lease = left > TimeSpan.Zero ? left : TimeSpan.Zero };
        }

        long begun = _cache.Begin(), now = time.GetTimestamp();
        MetadataEntry? found;
        if (isKnown && known!.Entry is BigFsFile file)
        {
            MetadataChange? change = await metadata.FindChangedAsync(path, file.Version, cancellationToken);
            FileServerMetrics.CacheAnswered(change is null ? CacheOutcome.Validated : CacheOutcome.Changed);
            found = change is null ? known : change.Found;
        }
        else
        {
            FileServerMetrics.CacheAnswered(CacheOutcome.Missed);
            found = await metadata.FindAsync(path, withManifest: true, cancellationToken);
        }

        Keep(path, found, begun, now);
        return found;
    }

    /// <summary>As <see cref="IMetadataStore.FindChangedAsync"/>, of what the caller has; it need not be in this cache.</summary>
    public async ValueTask<MetadataChange?> FindChangedAsync(BigFsPath path, BigFsVersion known, CancellationToken cancellationToken)
    {
        long begun = _cache.Begin(), now = time.GetTimestamp();
        MetadataChange? change = await metadata.FindChangedAsync(path, known, cancellationToken);
        FileServerMetrics.CacheAnswered(change is null ? CacheOutcome.Validated : CacheOutcome.Changed);
        if (change is not null)
        {
            Keep(path, change.Found, begun, now);
        }

        return change;
    }

    /// <summary>The entry without its manifest; null when absent.</summary>
    /// <param name="path">Where.</param>
    /// <param name="maxStaleness">As of <see cref="OpenAsync"/>.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async ValueTask<BigFsEntry?> FindAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        // To validate an entry costs what reading it costs.
        if (maxStaleness <= TimeSpan.Zero)
        {
            return (await metadata.FindAsync(path, withManifest: false, cancellationToken))?.Entry;
        }

        if (_cache.TryGet(path, out MetadataEntry? known, out long readAt) && IsFresh(readAt, maxStaleness))
        {
            FileServerMetrics.CacheAnswered(CacheOutcome.Stale);
            return known.Entry;
        }

        FileServerMetrics.CacheAnswered(CacheOutcome.Missed);
        long begun = _cache.Begin(), now = time.GetTimestamp();
        MetadataEntry? found = await metadata.FindAsync(path, withManifest: false, cancellationToken);
        bool isSame = known?.Entry is BigFsFile before && found?.Entry is BigFsFile file && before.Version == file.Version;

        // The manifest of that version is kept as well.
        Keep(path, isSame ? known! with { Entry = found!.Entry } : found, begun, now);
        return found?.Entry;
    }

    /// <summary>Forgets what this file server itself changed just now.</summary>
    public void Forget(BigFsPath path, bool tree)
    {
        if (tree)
        {
            _cache.ForgetTree(path);
        }
        else
        {
            _cache.Forget(path);
        }
    }

    /// <summary>Stops following the bus.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _following;
        _stop.Dispose();
    }

    /// <summary>Whether a file's manifest is with it: what a find kept has none, and says so by the lengths.</summary>
    private static bool IsWhole(MetadataEntry entry) =>
        entry.Entry is BigFsFile file && (file.Size == 0 || !entry.Manifest.IsEmpty || !entry.Content.IsEmpty);

    private bool IsFresh(long readAt, TimeSpan maxStaleness) =>
        maxStaleness > TimeSpan.Zero && time.GetElapsedTime(readAt) <= maxStaleness;

    private void Keep(BigFsPath path, MetadataEntry? found, long begun, long readAt)
    {
        if (found is null)
        {
            _cache.Forget(path);
        }
        else
        {
            _cache.Put(path, found, begun, readAt);
        }
    }

    private async Task FollowAsync()
    {
        try
        {
            await foreach (ClusterEvent message in bus.SubscribeAsync(ClusterTopic.MetadataInvalidations, _stop.Token))
            {
                if (message is MetadataInvalidated invalidated)
                {
                    foreach (BigFsPath path in invalidated.Paths)
                    {
                        Forget(path, tree: false);
                    }

                    foreach (BigFsPath path in invalidated.Trees)
                    {
                        Forget(path, tree: true);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }
}

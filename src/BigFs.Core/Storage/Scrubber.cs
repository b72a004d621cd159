using System.Collections.Immutable;
using BigFs.Core.Model;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Storage;

/// <summary>
/// Rereads every chunk of a store at a set rate and verifies it, so that damage is found while other replicas are whole.
/// Reads pass the page cache by where they can: what is checked is the disk. It holds nothing while it waits, so deletes,
/// seals and compaction go on undisturbed.
/// </summary>
public sealed class Scrubber
{
    /// <summary>Chunks listed at once.</summary>
    private const int PageLength = 1024;

    /// <summary>Shorter waits are saved up: timers are not finer.</summary>
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(50);

    private readonly IVolumeStore _store;
    private readonly ScrubOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Report _report;
    private volatile ScrubProgress _progress = new(0, null, 0, 0, 0);
    private long _paceFrom;
    private long _paceBytes;

    /// <summary>Makes a scrubber; <see cref="RunAsync"/> does the work.</summary>
    /// <param name="store">What is reread.</param>
    /// <param name="options">How fast and how often.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where events go.</param>
    /// <param name="report">Told of each chunk that is damaged or unreadable.</param>
    public Scrubber(IVolumeStore store, ScrubOptions options, TimeProvider time, ILogger logger, Report report)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _store = store;
        _options = options;
        _time = time;
        _logger = logger;
        _report = report;
    }

    /// <summary>Takes a finding: <see cref="ChunkStatus.Damaged"/> or <see cref="ChunkStatus.DiskFailed"/>.</summary>
    public delegate ValueTask Report(
        VolumeId volume, ChunkKey key, ChunkStatus status, CancellationToken cancellationToken);

    /// <summary>How far it is.</summary>
    public ScrubProgress Progress => _progress;

    /// <summary>Makes pass after pass until it is cancelled; returns at once when the rate is 0.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (_options.BytesPerSecond > 0)
            {
                await Task.Delay(_options.Interval, _time, cancellationToken);
                await RunPassAsync(cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>Rereads all volumes that there are now, once.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunPassAsync(CancellationToken cancellationToken)
    {
        ScrubProgress before = _progress;
        long began = _time.GetTimestamp();
        (_paceFrom, _paceBytes) = (began, 0);
        foreach (VolumeReport volume in _store.Volumes)
        {
            _progress = _progress with { Volume = volume.Volume };
            await ScrubAsync(volume.Volume, cancellationToken);
        }

        _progress = _progress with { Volume = null, Passes = _progress.Passes + 1 };
        StorageEvents.Scrubbed(
            _logger,
            _progress.Chunks - before.Chunks,
            _progress.Bytes - before.Bytes,
            _time.GetElapsedTime(began),
            _progress.Damaged - before.Damaged);
    }

    private async Task ScrubAsync(VolumeId volume, CancellationToken cancellationToken)
    {
        ChunkKey after = default;
        ImmutableArray<StoredChunkInfo> chunks;
        do
        {
            (ChunkStatus status, chunks) = await _store.ListChunksAsync(volume, after, PageLength, cancellationToken);
            if (status != ChunkStatus.Ok)
            {
                return; // stopping, or the volume went away meanwhile
            }

            foreach (StoredChunkInfo chunk in chunks)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!chunk.Deleted)
                {
                    await VerifyAsync(volume, chunk, cancellationToken);
                }

                after = chunk.Key;
            }
        }
        while (chunks.Length == PageLength);
    }

    private async Task VerifyAsync(VolumeId volume, StoredChunkInfo chunk, CancellationToken cancellationToken)
    {
        ChunkStatus status = await _store.VerifyAsync(volume, chunk.Key, cancellationToken);
        bool isBad = status is ChunkStatus.Damaged or ChunkStatus.DiskFailed;
        _progress = _progress with
        {
            Chunks = _progress.Chunks + 1,
            Bytes = _progress.Bytes + chunk.Length,
            Damaged = _progress.Damaged + (isBad ? 1 : 0),
        };
        if (isBad)
        {
            StorageEvents.ScrubFound(_logger, chunk.Key, volume, status);
            await _report(volume, chunk.Key, status, cancellationToken);
        }

        await PaceAsync(chunk.Length, cancellationToken);
    }

    /// <summary>Waits until the bytes read so far are due. What a slow disk left undone is not caught up in a burst.</summary>
    private async Task PaceAsync(int bytes, CancellationToken cancellationToken)
    {
        _paceBytes += bytes;
        TimeSpan due = TimeSpan.FromSeconds((double)_paceBytes / _options.BytesPerSecond);
        TimeSpan ahead = due - _time.GetElapsedTime(_paceFrom);
        if (ahead < -ShortestWait)
        {
            (_paceFrom, _paceBytes) = (_time.GetTimestamp(), 0);
        }
        else if (ahead >= ShortestWait)
        {
            await Task.Delay(ahead, _time, cancellationToken);
        }
    }
}

using BigFs.Core.Faults;
using BigFs.Core.Threading;

namespace BigFs.Core.Storage;

/// <summary>
/// Appends entries to one log: whatever waits is written, flushed once and completed together (group commit). A single
/// loop writes; it lives while entries wait. After a failed write or flush the log takes nothing more.
/// </summary>
internal sealed class LogWriter
{
    /// <summary>How far ahead a log is prepared at once. Each step makes the next flush write the file system's journal, too.</summary>
    private const long PrepareStep = 64L << 20;

    /// <summary>
    /// Bytes after which a group is closed: while a small group is written, others arrive for the next one, where a large one
    /// would have all of them wait and then come back together.
    /// </summary>
    private const long MaxGroupLength = 1L << 20;

    private readonly Lock _lock = new();
    private readonly IDiskFile _file;
    private readonly ZeroAhead _zeroAhead;
    private readonly uint _seed;
    private readonly long _incarnation;
    private readonly LogResources _shared;
    private readonly Action<LogEntry> _applied;
    private readonly Action<Exception> _failed;
    private readonly Queue<LogEntry> _queue = new();
    private Task _loop = Task.CompletedTask;
    private Task _completion = Task.CompletedTask;
    private bool _running;
    private volatile bool _isBroken;
    private volatile bool _preparesAhead;
    private volatile bool _isPinned;
    private bool _isLengthUnknown;
    private long _end;
    private long _pendingLength;
    private long _sequence;
    private LogPosition _appliedPosition;

    /// <summary>Bytes of the file behind the log's end.</summary>
    private long _prepared;

    /// <summary>How many of these count against the node's budget; the rest is about to be written.</summary>
    private long _charged;

    /// <summary>Continues a log.</summary>
    /// <param name="file">The log.</param>
    /// <param name="seed">Where header checksums begin.</param>
    /// <param name="position">Where the log ends.</param>
    /// <param name="shared">What the node's logs share.</param>
    /// <param name="applied">Called for each entry, in order, after its flush and before its completion.</param>
    /// <param name="failed">Called once when the disk fails.</param>
    public LogWriter(
        IDiskFile file,
        uint seed,
        LogPosition position,
        LogResources shared,
        Action<LogEntry> applied,
        Action<Exception> failed)
    {
        _file = file;
        _zeroAhead = new ZeroAhead(file);
        _seed = seed;
        _incarnation = position.Incarnation + 1;
        _sequence = position.Sequence;
        _end = position.End;
        _isPinned = position.IsPinned;
        _appliedPosition = position;
        _shared = shared;
        _applied = applied;
        _failed = failed;
    }

    /// <summary>
    /// Whether space is prepared beyond what is being written. When it becomes false, the loop gives the space back at
    /// its next turn.
    /// </summary>
    public bool PreparesAhead
    {
        set => _preparesAhead = value;
    }

    /// <summary>
    /// Whether a header in the log names every chunk and delete mark as durable, so that damage to them can never be taken
    /// for a torn tail.
    /// </summary>
    public bool IsPinned => _isPinned;

    /// <summary>
    /// A place up to which every entry was flushed and applied. What is applied meanwhile may stand behind it.
    /// </summary>
    public LogPosition Applied
    {
        get
        {
            lock (_lock)
            {
                return _appliedPosition;
            }
        }
    }

    /// <summary>Bytes of the log in use.</summary>
    public long End => Interlocked.Read(ref _end);

    /// <summary>Bytes of the log in use once everything that waits is written (a little more, if gathered).</summary>
    public long ExpectedEnd
    {
        get
        {
            lock (_lock)
            {
                return _end + _pendingLength;
            }
        }
    }

    /// <summary>Queues an entry behind all earlier ones. Its outcome tells the rest.</summary>
    public void Enqueue(LogEntry entry)
    {
        lock (_lock)
        {
            if (!_isBroken)
            {
                _queue.Enqueue(entry);
                StorageMetrics.Queued(1);
                _pendingLength += LengthOf(entry);
                if (!_running)
                {
                    _running = true;
                    _loop = RunAsync();
                }

                return;
            }
        }

        entry.Complete();
    }

    /// <summary>Waits until everything queued so far is done; goes on away from the disk's threads.</summary>
    public async ValueTask DrainAsync()
    {
        Task loop;
        lock (_lock)
        {
            loop = _loop;
        }

        if (!loop.IsCompleted)
        {
            await loop;
            await Task.Yield(); // the loop may have ended on a thread of the disk, which is not for what comes now
        }
    }

    /// <summary>Ends the log: waits for what is queued and gives prepared space back. Nothing may be queued any more.</summary>
    /// <returns>Whether the log is whole and ends where the file ends; false when the disk failed.</returns>
    public async ValueTask<bool> CloseAsync()
    {
        _preparesAhead = false;
        await DrainAsync();
        try
        {
            if (!_isBroken && (_prepared > 0 || _isLengthUnknown))
            {
                await CutAsync();
            }
        }
        catch (DiskException exception)
        {
            await CompleteAsync(Break(exception));
        }

        return !_isBroken;
    }

    private static long LengthOf(LogEntry entry) =>
        LogFormat.BodyLength(entry.Kind, entry.Length)
        + (entry.IsLarge ? 2 * LogFormat.PageSize : LogFormat.HeaderLength);

    private async Task RunAsync()
    {
        // Leaves the caller's stack, so that it neither builds batches nor works for others on a disk that never waits.
        await _file.EnterWriterAsync();
        do
        {
            List<LogEntry> group = TakeGroup();
            try
            {
                await CommitAsync(group);
                if (!_preparesAhead && (_prepared > 0 || _isLengthUnknown))
                {
                    await CutAsync();
                }
            }
            catch (Exception exception)
            {
                // Whatever it was, the log's tail is unknown from here on: nothing is written behind it.
                group.AddRange(Break(exception));
            }

            await _completion;
            _completion = CompleteAsync(group);
        }
        while (await GoesOnAsync());

        await _completion;
    }

    /// <summary>
    /// Whether there is another group to be written: then between the two others have had the thread, and one that was lent
    /// has been given back. Else the loop has ended.
    /// </summary>
    private async ValueTask<bool> GoesOnAsync()
    {
        lock (_lock)
        {
            _running = _queue.Count > 0;
            if (!_running)
            {
                return false;
            }
        }

        await _file.EnterWriterAsync();
        return true;
    }

    /// <summary>
    /// Ends the entries' waits, away from the loop and the disk's threads: what is awaited goes on right there, one entry after
    /// the other, while the next group is being written. Who lent the thread for an entry of its own goes on at once.
    /// </summary>
    private async Task CompleteAsync(List<LogEntry> group)
    {
        if (!BlockingThreads.IsLent || group.Count > 1)
        {
            await Task.Yield();
        }

        CrashPoint.Reach("flush.before-acknowledgement");
        group.ForEach(entry => entry.Complete());
        CrashPoint.Reach("flush.after-acknowledgement");
        lock (_lock)
        {
            _pendingLength -= group.Sum(LengthOf);
        }
    }

    /// <summary>What is written next; something waits while the loop runs.</summary>
    private List<LogEntry> TakeGroup()
    {
        var group = new List<LogEntry>();
        lock (_lock)
        {
            long length = 0;
            while (length < MaxGroupLength && _queue.TryDequeue(out LogEntry? entry))
            {
                group.Add(entry);
                length += LengthOf(entry);
            }

            StorageMetrics.Queued(-group.Count);
            return group;
        }
    }

    private async ValueTask CommitAsync(List<LogEntry> group)
    {
        if (!await TryExtendAsync(group))
        {
            // No room for all: the chunks are refused, the marks (deleted, fenced, sealed) are small and may use the reserve.
            group.Where(entry => entry.Kind == RecordKind.Chunk).ToList().ForEach(Refuse);
            group = group.FindAll(entry => entry.Kind != RecordKind.Chunk);
            if (group.Count == 0 || !await TryExtendAsync(group))
            {
                group.ForEach(Refuse);
                return;
            }
        }

        List<LogBatch> batches = LogBatch.Plan(group);
        long began = _shared.Time.GetTimestamp();
        try
        {
            CrashPoint.Reach("append.before-write");
            await WriteAsync(batches);
            CrashPoint.Reach("append.after-write");
        }
        catch (DiskException exception) when (exception.IsOutOfSpace)
        {
            // Nothing was flushed or promised yet: without the torn rest the log is as it was before.
            await CutAsync();
            group.ForEach(Refuse);
            return;
        }

        CrashPoint.Reach("flush.before-sync");
        if (!Canary.SkipFlush)
        {
            await _file.SyncAsync();
        }

        CrashPoint.Reach("flush.after-sync");
        long length = batches.Sum(batch => (long)batch.Length);
        StorageMetrics.Flushed(_shared.Time.GetElapsedTime(began), length);
        _sequence += batches.Count;
        Interlocked.Add(ref _end, length);
        _prepared -= length;
        UnchargeBeyond(_prepared);
        _isPinned = group.TrueForAll(entry => entry.Kind == RecordKind.Epoch);
        group.ForEach(_applied);
        lock (_lock)
        {
            _appliedPosition = new LogPosition(_end, _end - batches[^1].Length, _sequence, _incarnation, _isPinned);
        }

        group.ForEach(entry => entry.Decided = ChunkStatus.Ok);
    }

    private static void Refuse(LogEntry entry) => entry.Decided = ChunkStatus.OutOfSpace;

    private async ValueTask<bool> TryExtendAsync(List<LogEntry> entries)
    {
        long missing = LogBatch.Plan(entries).Sum(batch => (long)batch.Length) - _prepared;
        if (missing <= 0)
        {
            return true;
        }

        bool hasChunks = entries.Exists(entry => entry.Kind == RecordKind.Chunk);
        long ahead = hasChunks && _preparesAhead ? _shared.TakePrepared(PrepareStep) : 0;
        _charged += ahead;
        if (ahead > 0 && await TryExtendAsync(missing + ahead, hasChunks))
        {
            return true;
        }

        UnchargeBeyond(_charged - ahead);
        return await TryExtendAsync(missing, hasChunks);
    }

    private async ValueTask<bool> TryExtendAsync(long bytes, bool keepReserve)
    {
        try
        {
            if (keepReserve && !await _shared.HasRoomAsync(bytes))
            {
                return false;
            }

            CrashPoint.Reach("append.before-extension");
            await _file.ExtendAsync(_end + _prepared + bytes);
            _prepared += bytes;
            return true;
        }
        catch (DiskException exception) when (exception.IsOutOfSpace)
        {
            _isLengthUnknown = true;
            return false;
        }
    }

    private async ValueTask WriteAsync(List<LogBatch> batches)
    {
        long offset = _end;
        for (int i = 0; i < batches.Count; i++)
        {
            LogBatch batch = batches[i];
            var header = new BatchHeader(
                _incarnation, _sequence + i + 1, _end, offset, batch.Length, batch.Entries.Count);
            if (batch.IsLarge)
            {
                await _file.WriteAsync(offset, batch.Assemble(header, _seed, batch.Entries[0].Buffer!));
            }
            else
            {
                using ChunkBuffer gathered = await _shared.Gather.RentAsync(batch.Length, CancellationToken.None);
                await _file.WriteAsync(offset, batch.Assemble(header, _seed, gathered));
            }

            offset += batch.Length;
            CrashPoint.Reach("append.between-batches");
        }

        await _zeroAhead.WrittenAsync(batches.Exists(batch => batch.IsLarge), offset, _end + _prepared);
    }

    /// <summary>Ends the file where the log ends.</summary>
    private async ValueTask CutAsync()
    {
        CrashPoint.Reach("cut.before-truncation");
        await _file.TruncateAsync(_end);
        CrashPoint.Reach("cut.before-sync");
        await _file.SyncAsync();
        CrashPoint.Reach("cut.after-sync");
        _prepared = 0;
        _zeroAhead.Forget();
        _isLengthUnknown = false;
        UnchargeBeyond(0);
    }

    private void UnchargeBeyond(long bytes)
    {
        long back = Math.Max(0, _charged - bytes);
        _charged -= back;
        _shared.GiveBackPrepared(back);
    }

    /// <summary>Takes nothing more from here on; returns what waited, for the caller to complete.</summary>
    private List<LogEntry> Break(Exception exception)
    {
        List<LogEntry> waiting;
        lock (_lock)
        {
            waiting = [.. _queue];
            _queue.Clear();
            StorageMetrics.Queued(-waiting.Count);
            _isBroken = true;
        }

        UnchargeBeyond(0);
        _failed(exception);
        return waiting;
    }
}

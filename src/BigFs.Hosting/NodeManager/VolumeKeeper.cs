using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Placement;
using BigFs.Core.Replication;
using BigFs.Core.Security;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.NodeManager;

/// <summary>
/// Does what the volume map asks for: opens volumes, brings doubtful ones together, reopens, makes and closes them. It is
/// driven by the state in the map alone, so it goes on after a restart where the last one stopped. At most one job a
/// volume, several volumes at once. Thread-safe.
/// </summary>
internal sealed partial class VolumeKeeper : IAsyncDisposable
{
    private readonly ClusterBook _book;
    private readonly IDataNodeDirectory _directory;
    private readonly CapabilitySigner _signer;
    private readonly NodeWatch _watch;
    private readonly NodeManagerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Action<NodeId> _accuse;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping; // Outlives its source: callers may come after the end.
    private readonly BackgroundTasks _tasks = new();
    private readonly SemaphoreSlim _slots;
    private readonly Lock _lock = new();
    private readonly SortedSet<int> _wanted = [];
    private readonly HashSet<VolumeId> _fullHints = [];
    private readonly Dictionary<VolumeId, Job> _jobs = [];
    private readonly Dictionary<VolumeId, Trouble> _troubles = [];

    /// <summary>Volumes that a disk had no room for at the last try, and the epoch that was to be opened.</summary>
    private readonly Dictionary<VolumeId, long> _withoutRoom = [];
    private bool _isPlanning;
    private Trouble? _planTrouble;

    public VolumeKeeper(
        ClusterBook book,
        IDataNodeDirectory directory,
        CapabilitySigner signer,
        NodeWatch watch,
        NodeManagerOptions options,
        TimeProvider time,
        ILogger logger,
        Action<NodeId> accuse)
    {
        (_book, _directory, _signer, _watch, _options, _time, _logger, _accuse) =
            (book, directory, signer, watch, options, time, logger, accuse);
        _stopping = _stop.Token;
        _slots = new SemaphoreSlim(options.MaxVolumeJobs);
        _wanted.Add(options.DefaultReplicas);
    }

    /// <summary>What is done about a volume.</summary>
    private enum Work
    {
        None,
        Open,
        Seal,
        Return,
        Reopen,
    }

    /// <summary>Volumes for so many replicas are to stand open from now on.</summary>
    public void Want(int replicas)
    {
        lock (_lock)
        {
            if (!_wanted.Add(replicas))
            {
                return;
            }
        }

        Kick();
    }

    /// <summary>Someone was told that the volume is full; believed when it is at least half full.</summary>
    public void HintFull(VolumeId volume)
    {
        lock (_lock)
        {
            if (_book.Current.Volumes.TryGetValue(volume, out VolumeRecord? known) && known.State == VolumeState.Open)
            {
                _fullHints.Add(volume);
            }
        }
    }

    /// <summary>Whether the volume takes appends now, on members that are up, and has room as far as is known.</summary>
    public bool IsWritable(VolumeRecord volume, ClusterSnapshot current)
    {
        lock (_lock)
        {
            return volume.State == VolumeState.Open
                && volume.Members.All(member => current.IsUp(member.Node))
                && !UseNeedsLock(volume).IsFull;
        }
    }

    /// <summary>Whether a member had no room for the volume, which is to be opened, when it was tried last.</summary>
    public bool IsWithoutRoom(VolumeRecord volume)
    {
        lock (_lock)
        {
            return _withoutRoom.TryGetValue(volume.Id, out long epoch) && epoch == volume.Epoch;
        }
    }

    /// <summary>A node is back or has changed: what failed with it is worth another try at once.</summary>
    public void Forgive(NodeId node)
    {
        lock (_lock)
        {
            foreach (VolumeId volume in _troubles.Keys.Where(IsOn).ToArray())
            {
                _troubles.Remove(volume);
            }
        }

        bool IsOn(VolumeId volume) => _book.Current.Volumes.TryGetValue(volume, out VolumeRecord? known) && known.Has(node);
    }

    /// <summary>A node is gone: jobs that may be waiting for it begin again without it.</summary>
    public void Interrupt(NodeId node)
    {
        Job[] interrupted;
        lock (_lock)
        {
            interrupted = [.. _jobs.Values.Where(job => job.Volume.Has(node))];
        }

        foreach (Job job in interrupted)
        {
            job.Interrupt();
        }
    }

    /// <summary>Looks at the map and starts what is to be done and not under way.</summary>
    public void Kick()
    {
        lock (_lock)
        {
            ClusterSnapshot current = _book.Current;
            foreach (VolumeRecord volume in current.Volumes.Values)
            {
                StartNeedsLock(volume, WorkOn(volume, current));
            }

            bool isChangeNeeded = false;
            foreach (WritablePlan plan in PlansNeedsLock(current))
            {
                foreach (VolumeId volume in plan.Reopen)
                {
                    StartNeedsLock(current.Volumes[volume], Work.Reopen);
                }

                isChangeNeeded |= !plan.Create.IsEmpty || !plan.Close.IsEmpty;
            }

            if (isChangeNeeded && !_isPlanning && (_planTrouble is null || IsOver(_planTrouble)))
            {
                _isPlanning = _tasks.Start(ChangePlannedAsync);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _tasks.EndAsync();
        _slots.Dispose();
        _stop.Dispose();
    }

    private static Work WorkOn(VolumeRecord volume, ClusterSnapshot current)
    {
        NodeState?[] states = [.. volume.Members.Select(member => current.StateOf(member.Node))];
        bool areAllUp = states.All(state => state == NodeState.Up);
        bool isAnyoneTrusted = areAllUp || volume.Members.Any(member => member.Verified && current.IsUp(member.Node));
        return volume.State switch
        {
            VolumeState.Opening when areAllUp => Work.Open,

            // Who has not been asked yet since this start may answer in a moment.
            VolumeState.Sealing when isAnyoneTrusted && !states.Contains(NodeState.Joining) => Work.Seal,
            VolumeState.Sealed when isAnyoneTrusted
                && volume.Members.Any(member => !member.Verified && current.IsUp(member.Node)) => Work.Return,
            _ => Work.None,
        };
    }

    private List<WritablePlan> PlansNeedsLock(ClusterSnapshot current) =>
        [.. _wanted.Select(replicas => WritablePlan.For(current.Map, replicas, id => UseNeedsLock(current.Volumes[id])))];

    private VolumeUse UseNeedsLock(VolumeRecord volume)
    {
        long bytes = volume.Members.Max(member => _watch.BytesOf(member.Node, volume.Id));
        bool isHalfFull = bytes >= _options.VolumeSizeBytes / 2;
        return new VolumeUse(
            IsFull: bytes >= _options.VolumeSizeBytes / 10 * 9 || (isHalfFull && _fullHints.Contains(volume.Id)),
            HasRoom: !isHalfFull,
            IsTroubled: _troubles.GetValueOrDefault(volume.Id)?.Count >= 2);
    }

    private void StartNeedsLock(VolumeRecord volume, Work work)
    {
        if (work == Work.None
            || _jobs.ContainsKey(volume.Id)
            || (_troubles.TryGetValue(volume.Id, out Trouble? trouble) && !IsOver(trouble)))
        {
            return;
        }

        var job = new Job(volume, _stopping);
        if (_tasks.Start(() => RunAsync(job, work)))
        {
            _jobs.Add(volume.Id, job);
        }
        else
        {
            job.Dispose();
        }
    }

    private bool IsOver(Trouble trouble) => _time.GetElapsedTime(trouble.Since) >= trouble.Pause;

    private async Task RunAsync(Job job, Work work)
    {
        bool isDone = false, isInterrupted = false;
        try
        {
            await _slots.WaitAsync(job.Token);
            try
            {
                isDone = await DoAsync(job.Volume, work, job.Token);
            }
            finally
            {
                _slots.Release();
            }
        }
        catch (OperationCanceledException) when (job.Token.IsCancellationRequested)
        {
            isInterrupted = true;
        }
        catch (Exception exception)
        {
            NodeManagerLog.JobFailed(_logger, job.Volume.Id, exception);
        }

        lock (_lock)
        {
            _jobs.Remove(job.Volume.Id);
            job.Dispose();
            if (isDone)
            {
                _troubles.Remove(job.Volume.Id);
            }
            else if (!isInterrupted && ReferenceEquals(_book.Current.Volumes[job.Volume.Id], job.Volume))
            {
                _troubles[job.Volume.Id] = NextTrouble(_troubles.GetValueOrDefault(job.Volume.Id));
            }
        }

        Kick();
    }

    private Trouble NextTrouble(Trouble? last) => new(
        (last?.Count ?? 0) + 1,
        _time.GetTimestamp(),
        Backoff.Pause(last?.Count ?? 0, _options.HeartbeatInterval, _options.MaxRetryPause));

    /// <summary>Makes the volumes that are missing and closes those that are full, decided on the truth of the moment.</summary>
    private async Task ChangePlannedAsync()
    {
        bool isDone = false;
        try
        {
            ImmutableArray<VolumeRecord> made = [], closed = [];
            isDone = await _book.ChangeAsync(
                current =>
                {
                    List<WritablePlan> plans;
                    lock (_lock)
                    {
                        plans = PlansNeedsLock(current);
                    }

                    long last = current.Volumes.IsEmpty ? 0 : current.Volumes.Keys.Last().Value;
                    long next = Math.Max(last, current.VolumeFloor) + 1;
                    made = [.. plans.SelectMany(plan => plan.Create).Select((set, i) => NewVolume(next + i, set))];
                    closed =
                    [
                        .. plans.SelectMany(plan => plan.Close)
                            .Select(volume => current.Volumes[volume].After(VolumeEvent.Filled)),
                    ];
                    return made.IsEmpty && closed.IsEmpty ? null : new ClusterChange { Volumes = [.. made, .. closed] };
                },
                _stopping);
            foreach (VolumeRecord volume in made)
            {
                NodeManagerLog.VolumeMade(_logger, volume.Id, string.Join(", ", volume.Members.Select(member => member.Node)));
            }

            foreach (VolumeRecord volume in closed)
            {
                NodeManagerLog.VolumeChanged(_logger, volume.Id, VolumeState.Open, volume.State, volume.Epoch);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (Exception exception)
        {
            NodeManagerLog.PlanningFailed(_logger, exception);
        }

        lock (_lock)
        {
            _isPlanning = false;
            _planTrouble = isDone ? null : NextTrouble(_planTrouble);
            _fullHints.RemoveWhere(id => _book.Current.Volumes[id].State != VolumeState.Open);
        }

        Kick();
    }

    private static VolumeRecord NewVolume(long id, ImmutableArray<NodeId> set) => new()
    {
        Id = new VolumeId(id),
        Epoch = 1,
        State = VolumeState.Opening,
        WasOpen = false,
        Members = [.. set.Select(node => new VolumeMember(node, Verified: true))],
    };

    /// <summary>How often something failed in a row, and how long to leave it alone.</summary>
    private sealed record Trouble(int Count, long Since, TimeSpan Pause);

    /// <summary>A job under way, and the volume as it was when it began.</summary>
    private sealed class Job(VolumeRecord volume, CancellationToken stop) : IDisposable
    {
        private readonly CancellationTokenSource _cancellation = CancellationTokenSource.CreateLinkedTokenSource(stop);
        private readonly Lock _lock = new();
        private bool _isOver;

        public VolumeRecord Volume => volume;

        public CancellationToken Token => _cancellation.Token;

        public void Interrupt()
        {
            lock (_lock)
            {
                if (!_isOver)
                {
                    _cancellation.Cancel();
                }
            }
        }

        public void Dispose()
        {
            lock (_lock)
            {
                _isOver = true;
                _cancellation.Dispose();
            }
        }
    }
}

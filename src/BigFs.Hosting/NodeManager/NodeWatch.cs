using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Hosting.NodeManager;

/// <summary>When nodes were heard from, and what they said last. In memory only. Thread-safe.</summary>
internal sealed class NodeWatch(TimeProvider time)
{
    private static readonly ImmutableDictionary<VolumeId, VolumeReport> NoVolumes =
        ImmutableDictionary<VolumeId, VolumeReport>.Empty;

    private readonly Lock _lock = new();
    private readonly Dictionary<NodeId, Seen> _seen = [];

    /// <summary>A heartbeat of the known start came; a doubled or late one says nothing.</summary>
    /// <returns>Whether it is newer than those before.</returns>
    public bool Hear(DataNodeHeartbeat heartbeat)
    {
        lock (_lock)
        {
            Seen seen = SeenNeedsLock(heartbeat.Node);
            bool isNew = seen.Incarnation != heartbeat.Incarnation || heartbeat.Sequence > seen.Sequence;
            if (isNew)
            {
                (seen.Incarnation, seen.Sequence, seen.Load) = (heartbeat.Incarnation, heartbeat.Sequence, heartbeat.Load);
                seen.Heard = seen.Heartbeat = time.GetTimestamp();
            }

            return isNew;
        }
    }

    /// <summary>How a node fares, as its last heartbeat said; null when none came that did.</summary>
    public DataNodeLoad? LoadOf(NodeId node)
    {
        lock (_lock)
        {
            return _seen.TryGetValue(node, out Seen? seen) ? seen.Load : null;
        }
    }

    /// <summary>The node said how it is.</summary>
    public void Take(NodeReport report)
    {
        lock (_lock)
        {
            Seen seen = SeenNeedsLock(report.Node);
            long now = time.GetTimestamp();
            (seen.Heard, seen.Reported) = (now, now);
            seen.FailedProbes = 0;
            seen.Volumes = report.Volumes.ToImmutableDictionary(volume => volume.Volume);
        }
    }

    /// <summary>It did not answer; the next probe waits longer each time.</summary>
    public void Fail(NodeId node, TimeSpan firstPause, TimeSpan maxPause)
    {
        lock (_lock)
        {
            Seen seen = SeenNeedsLock(node);
            seen.Pause = Backoff.Pause(seen.FailedProbes++, firstPause, maxPause);
            seen.Failed = time.GetTimestamp();
        }
    }

    /// <summary>How long nothing has been heard of it.</summary>
    public TimeSpan SinceHeard(NodeId node)
    {
        lock (_lock)
        {
            return time.GetElapsedTime(SeenNeedsLock(node).Heard);
        }
    }

    /// <summary>How long no heartbeat has come from it, whatever it answered meanwhile.</summary>
    public TimeSpan SinceHeartbeat(NodeId node)
    {
        lock (_lock)
        {
            return time.GetElapsedTime(SeenNeedsLock(node).Heartbeat);
        }
    }

    /// <summary>How long ago it said how it is; for ever when it never did.</summary>
    public TimeSpan SinceReport(NodeId node)
    {
        lock (_lock)
        {
            return SeenNeedsLock(node).Reported is { } reported ? time.GetElapsedTime(reported) : TimeSpan.MaxValue;
        }
    }

    /// <summary>Whether it said how it is at that time or later.</summary>
    public bool HasReportedSince(NodeId node, long timestamp)
    {
        lock (_lock)
        {
            return SeenNeedsLock(node).Reported >= timestamp;
        }
    }

    /// <summary>Whether the pause after the last failed probe is over.</summary>
    public bool MayProbe(NodeId node)
    {
        lock (_lock)
        {
            Seen seen = SeenNeedsLock(node);
            return seen.FailedProbes == 0 || time.GetElapsedTime(seen.Failed) >= seen.Pause;
        }
    }

    /// <summary>Bytes of a node's replica in use as last reported; 0 when it has reported none.</summary>
    public long BytesOf(NodeId node, VolumeId volume)
    {
        lock (_lock)
        {
            return _seen.TryGetValue(node, out Seen? seen) ? seen.Volumes.GetValueOrDefault(volume)?.Bytes ?? 0 : 0;
        }
    }

    private Seen SeenNeedsLock(NodeId node)
    {
        if (!_seen.TryGetValue(node, out Seen? seen))
        {
            _seen[node] = seen = new Seen { Heard = time.GetTimestamp(), Heartbeat = time.GetTimestamp() };
        }

        return seen;
    }

    private sealed class Seen
    {
        public long Heard { get; set; }

        public long Heartbeat { get; set; }

        public long Incarnation { get; set; }

        public long Sequence { get; set; }

        public DataNodeLoad? Load { get; set; }

        public long? Reported { get; set; }

        public long Failed { get; set; }

        public int FailedProbes { get; set; }

        public TimeSpan Pause { get; set; }

        public ImmutableDictionary<VolumeId, VolumeReport> Volumes { get; set; } = NoVolumes;
    }
}

using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Internal;

/// <summary>
/// Datanodes that failed this client a moment ago: tried last when reading, avoided when writing, for ten seconds.
/// A preference, never a verdict. Thread-safe.
/// </summary>
internal sealed class NodePenalties(TimeProvider time)
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<NodeId, long> _failedAt = [];

    /// <summary>Whether anything is noted at all; the common answer is no.</summary>
    private bool IsEmpty => Volatile.Read(ref _count) == 0;

    private int _count;

    /// <summary>Notes a failure.</summary>
    public void Add(NodeId node)
    {
        lock (_lock)
        {
            _failedAt[node] = time.GetTimestamp();
            _count = _failedAt.Count;
        }
    }

    /// <summary>Notes a success.</summary>
    public void Clear(NodeId node)
    {
        if (!IsEmpty)
        {
            lock (_lock)
            {
                _failedAt.Remove(node);
                _count = _failedAt.Count;
            }
        }
    }

    /// <summary>Whether the node failed a moment ago.</summary>
    public bool Contains(NodeId node)
    {
        if (IsEmpty)
        {
            return false;
        }

        lock (_lock)
        {
            return _failedAt.TryGetValue(node, out long at) && time.GetElapsedTime(at) < Duration;
        }
    }

    /// <summary>All nodes that failed a moment ago, ordered.</summary>
    public ImmutableArray<NodeId> Current()
    {
        if (IsEmpty)
        {
            return [];
        }

        lock (_lock)
        {
            foreach (NodeId node in _failedAt.Where(pair => time.GetElapsedTime(pair.Value) >= Duration).Select(pair => pair.Key).ToArray())
            {
                _failedAt.Remove(node);
            }

            _count = _failedAt.Count;
            return [.. _failedAt.Keys.Order()];
        }
    }
}

using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace BigFs.Internal.Grpc;

/// <summary>
/// How much each instance of a role has in hand from here, and which cannot be reached: what the choice of one rests on.
/// Two instances are looked at, the one whose turn it is and another one by chance, and the less loaded is taken
/// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing"). Thread-safe.
/// </summary>
internal sealed class InstanceTable
{
    private readonly ConcurrentDictionary<string, Row> _rows = new(StringComparer.Ordinal);
    private uint _turn;

    /// <summary>One of several instances; they must not be none.</summary>
    public string Choose(ReadOnlySpan<string> candidates)
    {
        uint count = (uint)candidates.Length;
        uint turn = Interlocked.Increment(ref _turn);
        string first = candidates[(int)(turn % count)];
        if (count == 1)
        {
            return first;
        }

        string second = candidates[(int)((turn + 1 + (uint)Random.Shared.Next((int)count - 1)) % count)];
        return Load(second) < Load(first) ? second : first;
    }

    /// <summary>One of those that are known: best one that can be reached and did not just fail.</summary>
    /// <returns>Null when all are to be avoided.</returns>
    public string? Choose(ImmutableArray<string> known, IReadOnlySet<string> avoid)
    {
        string[] left = [.. known.Where(endpoint => !avoid.Contains(endpoint))];
        string[] reachable = [.. left.Where(endpoint => !IsUnreachable(endpoint))];
        return reachable.Length > 0 ? Choose(reachable) : left.Length > 0 ? Choose(left) : null;
    }

    /// <summary>A call to an instance begins.</summary>
    public void Begin(string endpoint) => Interlocked.Increment(ref RowOf(endpoint).InHand);

    /// <summary>A call to an instance has ended.</summary>
    public void End(string endpoint) => Interlocked.Decrement(ref RowOf(endpoint).InHand);

    /// <summary>Notes whether an instance can be reached.</summary>
    public void Note(string endpoint, bool isUnreachable) => RowOf(endpoint).IsUnreachable = isUnreachable;

    /// <summary>Forgets an instance that is gone.</summary>
    public void Forget(string endpoint) => _rows.TryRemove(endpoint, out _);

    private bool IsUnreachable(string endpoint) => _rows.TryGetValue(endpoint, out Row? row) && row.IsUnreachable;

    private int Load(string endpoint) => _rows.TryGetValue(endpoint, out Row? row) ? Volatile.Read(ref row.InHand) : 0;

    private Row RowOf(string endpoint) => _rows.GetOrAdd(endpoint, static _ => new Row());

    private sealed class Row
    {
        public int InHand;

        public volatile bool IsUnreachable;
    }
}

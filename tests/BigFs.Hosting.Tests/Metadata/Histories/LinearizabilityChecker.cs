namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>What a history was found to be.</summary>
internal enum Linearizability
{
    /// <summary>There is an order that explains every answer.</summary>
    Holds,

    /// <summary>There is none.</summary>
    Violated,

    /// <summary>The search was given up before it came to an end.</summary>
    Undecided,
}

/// <summary>
/// Whether a history of concurrent operations can be explained by some order in which each took effect at one moment
/// between its begin and its answer; an operation without an answer may take effect at any time after its begin, or never.
/// The search of Wing and Gong (1993) with the memory of Lowe (2017): what was done and the state that it led to are never
/// looked at twice.
/// </summary>
/// <param name="mostStates">States after which the search is given up.</param>
/// <param name="defaultReplicas">Replicas of a file that asked for no number.</param>
internal sealed class LinearizabilityChecker(int mostStates = 1_000_000, int defaultReplicas = 2)
{
    /// <summary>States that were looked at so far, over all histories.</summary>
    public long States { get; private set; }

    /// <summary>Searches for an order that begins at the given state.</summary>
    /// <param name="events">The history.</param>
    /// <param name="start">What was there before.</param>
    /// <param name="end">The state that the order leads to; the start when there is none.</param>
    /// <param name="explanation">When it is violated: how far the best order came, and what no order explains.</param>
    public Linearizability Check(
        IEnumerable<HistoryEvent> events, NamespaceTree start, out NamespaceTree end, out string explanation)
    {
        // A read that was never answered says nothing.
        HistoryEvent[] all =
        [
            .. events.Where(one => one.Answer is not null || one.Call is not (FindCall or ListCall or BeginCall))
                .OrderBy(one => one.Invoked),
        ];
        var seen = new HashSet<Position>();
        var stack = new Stack<Position>();
        var first = new Position(new Done(all.Length), start, null, -1);
        stack.Push(first);
        seen.Add(first);
        Position best = first;
        while (stack.TryPop(out Position? position))
        {
            if (position.Depth > best.Depth)
            {
                best = position;
            }

            if (IsComplete(all, position.Done))
            {
                (end, explanation) = (position.Tree, "");
                return Linearizability.Holds;
            }

            foreach (int next in Candidates(all, position.Done))
            {
                if (position.Tree.After(all[next].Call, all[next].Answer, null, defaultReplicas) is { } tree)
                {
                    var after = new Position(position.Done.With(next), tree, position, next);
                    if (seen.Add(after))
                    {
                        stack.Push(after);
                    }
                }
            }

            States++;
            if (seen.Count > mostStates)
            {
                (end, explanation) = (start, $"given up after {seen.Count} states of {all.Length} operations");
                return Linearizability.Undecided;
            }
        }

        (end, explanation) = (start, Explain(all, best));
        return Linearizability.Violated;
    }

    private static bool IsComplete(HistoryEvent[] all, Done done)
    {
        for (int i = 0; i < all.Length; i++)
        {
            if (all[i].Answer is not null && !done.Has(i))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// What may come next: all that began before the first answer that is still to be explained. Those without an answer
    /// come last, so that the search tries the answered ones first.
    /// </summary>
    private static List<int> Candidates(HistoryEvent[] all, Done done)
    {
        long firstAnswer = long.MaxValue;
        var candidates = new List<int>();
        var open = new List<int>();
        for (int i = 0; i < all.Length && all[i].Invoked < firstAnswer; i++)
        {
            if (!done.Has(i))
            {
                firstAnswer = Math.Min(firstAnswer, all[i].Returned);
                (all[i].Answer is null ? open : candidates).Add(i);
            }
        }

        // The stack hands out the last one first: of the answered ones that is to be the first.
        candidates.Reverse();
        return [.. open, .. candidates];
    }

    private static string Explain(HistoryEvent[] all, Position best)
    {
        var order = new Stack<int>();
        for (Position? at = best; at is { Event: >= 0 }; at = at.Before)
        {
            order.Push(at.Event);
        }

        IEnumerable<string> lines =
        [
            $"No order explains {all.Length} operations. The best explains {order.Count}:",
            .. order.TakeLast(30).Select(i => "  " + all[i]),
            $"It leads to: {best.Tree}",
            "None of these fits then:",
            .. Candidates(all, best.Done).Select(i => "  " + all[i]),
        ];
        return string.Join('\n', lines);
    }

    /// <summary>A set of events.</summary>
    private sealed class Done : IEquatable<Done>
    {
        private readonly ulong[] _bits;

        public Done(int count) => _bits = new ulong[(count + 63) / 64];

        private Done(ulong[] bits) => _bits = bits;

        public bool Has(int index) => (_bits[index / 64] >> (index % 64) & 1) != 0;

        public Done With(int index)
        {
            ulong[] bits = [.. _bits];
            bits[index / 64] |= 1UL << (index % 64);
            return new Done(bits);
        }

        public bool Equals(Done? other) => other is not null && _bits.AsSpan().SequenceEqual(other._bits);

        public override bool Equals(object? obj) => Equals(obj as Done);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach (ulong word in _bits)
            {
                hash.Add(word);
            }

            return hash.ToHashCode();
        }
    }

    /// <summary>Where the search stands, and how it came there.</summary>
    private sealed class Position(Done done, NamespaceTree tree, Position? before, int index) : IEquatable<Position>
    {
        public Done Done => done;

        public NamespaceTree Tree => tree;

        public Position? Before => before;

        /// <summary>The event that led here; -1 at the start.</summary>
        public int Event => index;

        public int Depth { get; } = before is null ? 0 : before.Depth + 1;

        public bool Equals(Position? other) => other is not null && Done.Equals(other.Done) && Tree.Equals(other.Tree);

        public override bool Equals(object? obj) => Equals(obj as Position);

        public override int GetHashCode() => HashCode.Combine(Done, Tree);
    }
}

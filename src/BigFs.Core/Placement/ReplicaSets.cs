using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Placement;

/// <summary>
/// Chooses the sets of nodes on which volumes stand open. Three aims, in this order: every node has a set without it, so
/// that one node's death never stops writing (needs more nodes than replicas); every node is in a set; and the sets are
/// few and even. Sets that stand already are kept, so that a change of one node moves little. Pure and deterministic.
/// </summary>
public static class ReplicaSets
{
    /// <summary>The sets that are missing, each ordered by node; none when fewer nodes are up than replicas.</summary>
    /// <param name="up">The nodes that take placements.</param>
    /// <param name="replicas">Nodes in a set, 1 or more.</param>
    /// <param name="standing">Sets of that size, all of whose nodes are up, that stand open already.</param>
    public static ImmutableArray<ImmutableArray<NodeId>> Missing(
        IEnumerable<NodeId> up, int replicas, IEnumerable<ImmutableArray<NodeId>> standing)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(replicas);
        var uses = new SortedDictionary<NodeId, int>(up.ToDictionary(node => node, _ => 0));
        if (uses.Count < replicas)
        {
            return [];
        }

        var indispensable = new SortedSet<NodeId>(uses.Keys);
        foreach (ImmutableArray<NodeId> set in standing)
        {
            Count(set, uses, indispensable);
        }

        var missing = ImmutableArray.CreateBuilder<ImmutableArray<NodeId>>();
        while (uses.Values.Any(count => count == 0) || (indispensable.Count > 0 && uses.Count > replicas))
        {
            // Nodes that are in every set come last; then those that are used least come first.
            ImmutableArray<NodeId> next =
            [
                .. uses.Keys
                    .OrderBy(node => indispensable.Count < uses.Count && indispensable.Contains(node))
                    .ThenBy(node => uses[node])
                    .Take(replicas)
                    .Order(),
            ];
            missing.Add(next);
            Count(next, uses, indispensable);
        }

        return missing.ToImmutable();
    }

    private static void Count(
        ImmutableArray<NodeId> set, SortedDictionary<NodeId, int> uses, SortedSet<NodeId> indispensable)
    {
        indispensable.IntersectWith(set);
        foreach (NodeId node in set)
        {
            uses[node]++;
        }
    }
}

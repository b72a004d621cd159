using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Membership;

/// <summary>What one version of the cluster map has that the version before had otherwise. Nothing ever leaves the map.</summary>
public sealed record ClusterMapDelta
{
    /// <summary>Most nodes and volumes together: 512. A larger change is told by its version alone.</summary>
    public const int MaxItems = 512;

    /// <summary>The cluster's identity: two clusters may share a bus.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>The version that it applies to.</summary>
    public required long From { get; init; }

    /// <summary>The version that comes about.</summary>
    public required long To { get; init; }

    /// <summary>Nodes that are new or changed.</summary>
    public required ImmutableArray<ClusterNode> Nodes { get; init; }

    /// <summary>Volumes that are new or changed.</summary>
    public required ImmutableArray<ClusterVolume> Volumes { get; init; }

    /// <summary>The map after it; null when it does not follow this map.</summary>
    public ClusterMap? ApplyTo(ClusterMap map) =>
        map.ClusterId != ClusterId || map.Version != From || To <= From
            ? null
            : map with
            {
                Version = To,
                Nodes = Merge(map.Nodes, Nodes, node => node.Id),
                Volumes = Merge(map.Volumes, Volumes, volume => volume.Id),
            };

    private static ImmutableArray<T> Merge<T, TId>(ImmutableArray<T> known, ImmutableArray<T> changed, Func<T, TId> id)
        where TId : IComparable<TId>
    {
        if (changed.IsEmpty)
        {
            return known;
        }

        var byId = new SortedDictionary<TId, T>();
        foreach (T one in known.Concat(changed))
        {
            byId[id(one)] = one;
        }

        return [.. byId.Values];
    }
}

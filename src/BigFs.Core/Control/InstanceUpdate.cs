using System.Collections.Immutable;

namespace BigFs.Core.Control;

/// <summary>What a watch of a role tells: everything, or what changed since it told last.</summary>
public sealed record InstanceUpdate
{
    /// <summary>Which life of which name server speaks: versions compare within one only.</summary>
    public required Guid Incarnation { get; init; }

    /// <summary>Counts the role's changes; a later update has a higher one.</summary>
    public required long Version { get; init; }

    /// <summary>Whether <see cref="Instances"/> are all that there are; then <see cref="Gone"/> is empty.</summary>
    public required bool IsSnapshot { get; init; }

    /// <summary>The instances that are there, or those that are new or known differently; ordered by id.</summary>
    public required ImmutableArray<ServiceInstance> Instances { get; init; }

    /// <summary>The ids of those that are no longer there.</summary>
    public required ImmutableArray<string> Gone { get; init; }

    /// <summary>How long a lease lasts: so long a name server that just began may not yet know everybody.</summary>
    public required TimeSpan Lease { get; init; }
}

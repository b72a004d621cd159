using BigFs.Core.Model;

namespace BigFs.Core.Replication;

/// <summary>A generation of the namespace as the volume map remembers it: one more begins with every restore of the names.</summary>
/// <param name="Number">Its number, 1 or more; only grows.</param>
/// <param name="Floor">
/// The highest volume id when the node manager heard of it; 0 for none. Replicas of these volumes may hold delete marks of an
/// earlier generation, for chunks that the restored names want.
/// </param>
public sealed record MapGeneration(long Number, long Floor)
{
    /// <summary>That of a namespace that was never restored.</summary>
    public static MapGeneration First { get; } = new(1, 0);

    /// <summary>Whether every delete mark in the volume is of this generation, so that replicas may take them from each other.</summary>
    public bool OwnsMarksOf(VolumeId volume) => volume.Value > Floor;
}

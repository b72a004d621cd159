using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>
/// Scatters the keys of chunks over all 64-bit numbers, so that nobody guesses one who was not told it: a location lets its
/// holder read every chunk of a volume whose key it knows, and volumes hold the chunks of many. A permutation, so that keys
/// that differ stay so. Thread-safe.
/// </summary>
public sealed class ChunkKeyScatter
{
    private readonly KeyedPermutation _permutation;

    /// <summary>Takes the permutation of a cluster's secret.</summary>
    public ChunkKeyScatter(ClusterSecret secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        _permutation = new KeyedPermutation(secret.PermutationKey("BigFS chunk keys v1"));
    }

    /// <summary>The scattered key; never the one that stands for no chunk.</summary>
    public ChunkKey Scatter(ChunkKey key)
    {
        ulong value = key.Value;
        do
        {
            value = _permutation.Permute(value);
        }
        while (value == Capability.WholeVolume.Value);

        return new ChunkKey(value);
    }
}

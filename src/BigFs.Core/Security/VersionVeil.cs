namespace BigFs.Core.Security;

/// <summary>
/// The versions of files as the clients of one root see them: others than the cluster's and than those of any other root, so
/// that a version that somebody was told elsewhere names nothing here. Thread-safe.
/// </summary>
public sealed class VersionVeil
{
    private readonly KeyedPermutation? _permutation;

    /// <summary>Makes the veil of a root; "/" has none, for who sees everything sees the cluster's own.</summary>
    public VersionVeil(ClusterSecret secret, BigFsPath root)
    {
        ArgumentNullException.ThrowIfNull(secret);
        _permutation = root.IsRoot ? null : new KeyedPermutation(secret.PermutationKey("BigFS versions v1 " + root));
    }

    /// <summary>A version as the clients see it.</summary>
    public BigFsVersion Own(BigFsVersion version) => _permutation is null ? version : new(_permutation.Permute(version.Value));

    /// <summary>The cluster's version of what a client named.</summary>
    public BigFsVersion Full(BigFsVersion version) => _permutation is null ? version : new(_permutation.Invert(version.Value));
}

namespace BigFs.Core.Metadata;

/// <summary>To which cluster a namespace belongs.</summary>
public interface IMetadataIdentity
{
    /// <summary>Binds the namespace to a cluster, durably and for good; the same one again is fine.</summary>
    /// <exception cref="BigFsException">WrongCluster: it belongs to another one.</exception>
    ValueTask AdoptClusterIdAsync(Guid clusterId, CancellationToken cancellationToken);
}

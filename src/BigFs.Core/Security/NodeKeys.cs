using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>
/// The keys by which one datanode checks capabilities: the one in use and, during a rotation, a second one. Derived from
/// the cluster's secret, or handed to a node that is not to know that one. Immutable.
/// </summary>
public sealed class NodeKeys
{
    private readonly ImmutableArray<(uint Id, byte[] Key)> _keys;

    /// <summary>Takes one or two keys.</summary>
    /// <param name="node">Whose they are.</param>
    /// <param name="keys">Their ids (not 0, not alike) and their 32 bytes each.</param>
    /// <exception cref="ArgumentException">The keys break a rule.</exception>
    public NodeKeys(NodeId node, ImmutableArray<(uint Id, byte[] Key)> keys)
    {
        if (keys.IsDefault
            || keys.Length is < 1 or > ClusterSecret.MaxKeys
            || keys.Any(key => key.Id == 0 || key.Key.Length != ClusterSecret.KeyBytes)
            || keys.DistinctBy(key => key.Id).Count() != keys.Length)
        {
            throw new ArgumentException("One or two keys of 32 bytes with different ids are expected.", nameof(keys));
        }

        Node = node;
        _keys = keys;
    }

    /// <summary>Whose keys they are.</summary>
    public NodeId Node { get; }

    /// <summary>The key of an id; empty when it is not in use.</summary>
    internal ReadOnlySpan<byte> Find(uint id)
    {
        foreach ((uint known, byte[] key) in _keys)
        {
            if (known == id)
            {
                return key;
            }
        }

        return default;
    }
}

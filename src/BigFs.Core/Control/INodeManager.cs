using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Control;

/// <summary>
/// The node manager: datanode liveness and the volume map. Datanodes register here, file servers read the map.
/// Thread-safe.
/// </summary>
public interface INodeManager
{
    /// <summary>Admits a datanode that starts, and starts to compare what it holds with its peers.</summary>
    /// <exception cref="BigFsException">
    /// WrongCluster (its data belong to another cluster), DataInUse (a living node has the same id).
    /// </exception>
    ValueTask<NodeAdmission> RegisterAsync(NodeReport report, CancellationToken cancellationToken);

    /// <summary>The map, or null when the caller's version is the newest.</summary>
    /// <param name="knownVersion">The version that the caller has; -1 for none.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<ClusterMap?> GetMapAsync(long knownVersion, CancellationToken cancellationToken);

    /// <summary>
    /// Makes sure that volumes for so many replicas stand open, and returns the map that has them. Also asked by a file
    /// server whose open volumes are full or avoided.
    /// </summary>
    /// <exception cref="BigFsException">
    /// NotEnoughNodes, with the numbers up and needed; OutOfSpace when none stands open and every one that is to be opened
    /// was refused by a full disk.
    /// </exception>
    ValueTask<ClusterMap> EnsureWritableAsync(int replicas, CancellationToken cancellationToken);

    /// <summary>
    /// Binds the cluster to the namespace that names its chunks, durably and for good; the same one again is fine. A metadata
    /// server asks before it deletes or gives out anything: an empty database beside datanodes full of chunks is refused so.
    /// A generation that is higher than any before is remembered in the same way: from then on replicas of the volumes that
    /// there are take no delete marks from each other, since a mark may be older than the names that were restored.
    /// </summary>
    /// <param name="namespaceId">The namespace.</param>
    /// <param name="generation">Its generation, 1 or more; a lower one than is known changes nothing.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="BigFsException">WrongCluster: the cluster's names are in another database.</exception>
    ValueTask BindNamespaceAsync(Guid namespaceId, long generation, CancellationToken cancellationToken);

    /// <summary>A client's word about a replica: a hint that makes the node manager look for itself. Never throws.</summary>
    ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken);
}

/// <summary>The answer to a registration.</summary>
public sealed record NodeAdmission
{
    /// <summary>The cluster, to be kept on the node's disk.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>The node manager's term; lower ones are refused from now on.</summary>
    public required long Term { get; init; }

    /// <summary>How often to send heartbeats.</summary>
    public required TimeSpan HeartbeatInterval { get; init; }
}

/// <summary>What a client saw of a replica.</summary>
/// <param name="Volume">The volume.</param>
/// <param name="Key">The chunk, when the fault is about one.</param>
/// <param name="Node">The replica's node.</param>
/// <param name="Status">What happened.</param>
public sealed record ReplicaFault(VolumeId Volume, ChunkKey? Key, NodeId Node, ChunkStatus Status);

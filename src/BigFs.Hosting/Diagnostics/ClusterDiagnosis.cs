using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;

namespace BigFs.Hosting.Diagnostics;

/// <summary>What is wrong with a cluster, from what its parts say. Pure.</summary>
internal static class ClusterDiagnosis
{
    public static IEnumerable<string> Of(
        IReadOnlyList<BigFsNameServerStatus> nameServers,
        ImmutableArray<ServiceInstance> instances,
        ClusterMap? map,
        string mapProblem,
        int incompleteVolumes)
    {
        foreach (BigFsNameServerStatus silent in nameServers.Where(one => one.Failure.Length > 0))
        {
            yield return $"The name server {silent.Endpoint} does not answer: {silent.Failure}";
        }

        // A gateway is for those who want one.
        foreach (ServiceRole role in Enum.GetValues<ServiceRole>()
            .Where(role => role != ServiceRole.Gateway && instances.All(one => one.Role != role)))
        {
            yield return $"No {RoleNames.Name(role)} holds a lease.";
        }

        string[] versions = [.. instances.Select(one => one.Version).Where(version => version.Length > 0).Distinct().Order()];
        if (versions.Length > 1)
        {
            yield return $"Several versions run: {string.Join(", ", versions)}.";
        }

        if (map is null)
        {
            yield return $"The node manager does not tell the cluster map: {mapProblem}";
            yield break;
        }

        foreach (ClusterNode node in map.Nodes.Where(node => node.State != NodeState.Up))
        {
            yield return $"Datanode {node.Id} at {node.ControlEndpoint} is {node.State.ToString().ToLowerInvariant()}.";
        }

        int up = map.Nodes.Count(node => node.State == NodeState.Up);
        if (up < map.DefaultReplicas)
        {
            yield return $"{up} datanodes are up and files have {map.DefaultReplicas} replicas: nothing can be written.";
        }
        else if (up == map.DefaultReplicas)
        {
            yield return $"{up} datanodes are up and files have {map.DefaultReplicas} replicas: the loss of one more stops writing.";
        }

        if (map.Nodes.Length > 0 && up >= map.DefaultReplicas && map.Volumes.All(volume => volume.State != VolumeState.Open))
        {
            yield return "No volume is open for writing.";
        }

        if (incompleteVolumes > 0)
        {
            yield return $"{incompleteVolumes} volumes have a member that is not verified: they have fewer replicas than they should.";
        }
    }
}

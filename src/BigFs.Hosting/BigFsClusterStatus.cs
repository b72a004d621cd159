using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Hosting.Diagnostics;
using BigFs.Hosting.NodeManager;
using BigFs.Internal;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting;

/// <summary>A cluster as its name servers and its node manager see it at one moment.</summary>
public sealed record BigFsClusterStatus
{
    /// <summary>How long each part of the cluster may take to answer.</summary>
    private static readonly ControlTimeouts Timeouts = new() { Connect = TimeSpan.FromSeconds(2), Operation = TimeSpan.FromSeconds(4) };

    /// <summary>The name servers that were asked, and whether they answered.</summary>
    public required IReadOnlyList<BigFsNameServerStatus> NameServers { get; init; }

    /// <summary>The instances of all roles whose leases live at any of them, by role and id.</summary>
    public required IReadOnlyList<BigFsInstance> Instances { get; init; }

    /// <summary>The datanodes; empty when the node manager did not answer.</summary>
    public required IReadOnlyList<BigFsNodeStatus> Nodes { get; init; }

    /// <summary>The number of volumes in each state, by the state's name; empty when the node manager did not answer.</summary>
    public required IReadOnlyDictionary<string, int> Volumes { get; init; }

    /// <summary>Volumes of which a member is not verified.</summary>
    public required int IncompleteVolumes { get; init; }

    /// <summary>The version of the cluster map; 0 when the node manager did not answer.</summary>
    public required long MapVersion { get; init; }

    /// <summary>Replicas of a file that asks for no number of its own; 0 when the node manager did not answer.</summary>
    public required int DefaultReplicas { get; init; }

    /// <summary>What is wrong, a sentence each; empty when nothing is.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Asks; whoever does not answer is a problem of the cluster, not of this call.</summary>
    /// <param name="options">How the cluster is reached; where keys are required, with one that has the right to administer.</param>
    /// <param name="cancellationToken">Ends the questions.</param>
    /// <exception cref="BigFsException">Unavailable: no name server answers. Unauthenticated, InvalidSettings.</exception>
    public static async Task<BigFsClusterStatus> ReadAsync(BigFsClientOptions options, CancellationToken cancellationToken = default)
    {
        var settings = ClientSettings.OfNameServer(options);
        string list = BigFsEndpoint.Servers(settings.Endpoint!)!;
        using var channels = new ChannelCache(Timeouts.Connect, ChannelSecurity.Of(settings.ApiKey, settings.ControlTls));
        var asked = await Task.WhenAll(NameServerList.Split(list).Select(one => AskAsync(one, channels, cancellationToken)))
            .ConfigureAwait(false);
        if (asked.All(one => one.Failure is not null))
        {
            throw asked[0].Failure!;
        }

        await using var names = new GrpcNameServer(list, channels, Timeouts, TimeProvider.System);
        await using var manager = new GrpcNodeManager(names, channels, Timeouts, TimeProvider.System);
        ClusterMap? map = null;
        string mapProblem = "";
        try
        {
            map = await manager.GetMapAsync(-1, cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException failure)
        {
            mapProblem = failure.Message.Split('\n')[0];
        }

        return Make(
            [.. asked.Select(one => new BigFsNameServerStatus
            {
                Endpoint = one.Endpoint,
                Failure = one.Failure?.Message.Split('\n')[0] ?? "",
                Leases = one.Instances.Length,
            })],
            [.. asked.SelectMany(one => one.Instances).DistinctBy(one => (one.Role, one.Id))
                .OrderBy(one => one.Role).ThenBy(one => one.Id, StringComparer.Ordinal)],
            map,
            mapProblem);
    }

    /// <summary>Puts together what was heard, and judges it.</summary>
    internal static BigFsClusterStatus Make(
        IReadOnlyList<BigFsNameServerStatus> nameServers, ImmutableArray<ServiceInstance> instances, ClusterMap? map, string mapProblem)
    {
        int incomplete = map?.Volumes.Count(volume => volume.Members.Any(member => !member.Verified)) ?? 0;
        return new BigFsClusterStatus
        {
            NameServers = nameServers,
            Instances = [.. instances.Select(BigFsInstance.Of)],
            Nodes = [.. map?.Nodes.Select(node => new BigFsNodeStatus
            {
                Id = node.Id.ToString(),
                State = node.State.ToString(),
                ControlEndpoint = node.ControlEndpoint,
                TransferEndpoint = node.TransferEndpoint,
                Volumes = map.Volumes.Count(volume => volume.Members.Any(member => member.Node == node.Id)),
            }) ?? []],
            Volumes = map is null ? ImmutableDictionary<string, int>.Empty : Enum.GetValues<VolumeState>().ToDictionary(
                state => state.ToString(), state => map.Volumes.Count(volume => volume.State == state)),
            IncompleteVolumes = incomplete,
            MapVersion = map?.Version ?? 0,
            DefaultReplicas = map?.DefaultReplicas ?? 0,
            Problems = [.. ClusterDiagnosis.Of(nameServers, instances, map, mapProblem, incomplete)],
        };
    }

    private static async Task<(string Endpoint, ImmutableArray<ServiceInstance> Instances, BigFsException? Failure)> AskAsync(
        string endpoint, ChannelCache channels, CancellationToken cancellationToken)
    {
        await using var names = new GrpcNameServer(endpoint, channels, Timeouts, TimeProvider.System);
        var found = ImmutableArray.CreateBuilder<ServiceInstance>();
        try
        {
            foreach (ServiceRole role in Enum.GetValues<ServiceRole>())
            {
                found.AddRange(await names.ResolveAsync(role, cancellationToken).ConfigureAwait(false));
            }

            return (endpoint, found.ToImmutable(), null);
        }
        catch (BigFsException failure)
        {
            return (endpoint, [], failure);
        }
    }
}

using System.Diagnostics.Metrics;
using BigFs.Core.Membership;

namespace BigFs.Hosting.NodeManager;

/// <summary>What a node manager shows of its map: nodes and volumes by state.</summary>
internal sealed class NodeManagerMetrics : IDisposable
{
    private readonly Meter _meter = new("BigFs");

    /// <param name="map">The map now.</param>
    public NodeManagerMetrics(Func<ClusterMap> map)
    {
        _meter.CreateObservableGauge(
            "bigfs.nodes", () => Count(map().Nodes.Select(node => node.State)), "{node}", "Datanodes, by \"state\".");
        _meter.CreateObservableGauge(
            "bigfs.volumes", () => Count(map().Volumes.Select(volume => volume.State)), "{volume}", "Volumes, by \"state\".");
        _meter.CreateObservableGauge(
            "bigfs.volumes.incomplete",
            () => map().Volumes.Count(volume => volume.Members.Any(member => !member.Verified)),
            "{volume}",
            "Volumes of which a member is not verified.");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<int>> Count<TState>(IEnumerable<TState> states)
        where TState : struct, Enum
    {
        Dictionary<TState, int> counts = states.CountBy(state => state).ToDictionary();
        return Enum.GetValues<TState>().Select(state => new Measurement<int>(
            counts.GetValueOrDefault(state), new KeyValuePair<string, object?>("state", state.ToString())));
    }
}

using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Model;

namespace BigFs.Hosting.Tests.NodeManager;

/// <summary>Datanodes in memory, and the way to them. Two processes with one id are told apart by their endpoint.</summary>
internal sealed class FakeDataNodes : IDataNodeDirectory
{
    public FakeDataNodes(int count) =>
        All = [.. Enumerable.Range(1, count).Select(number => new FakeDataNode(new NodeId(new Guid(number, 0, 0, new byte[8])), this))];

    public FakeDataNode[] All { get; }

    /// <summary>What answers at endpoints other than the nodes' own.</summary>
    public Dictionary<string, IDataNode> Elsewhere { get; } = [];

    public FakeDataNode Of(NodeId id) => All.Single(node => node.Id == id);

    public IDataNode Get(ClusterNode node) => Elsewhere.GetValueOrDefault(node.ControlEndpoint) ?? Of(node.Id);
}

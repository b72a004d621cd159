using BigFs.Core.Membership;
using BigFs.Core.Tests.Replication;
using NUnit.Framework;

namespace BigFs.Core.Tests.Membership;

public sealed class NodeStatesTests
{
    [Test]
    public void Every_event_has_one_row_in_every_state()
    {
        var rows = NodeStates.Table.Select(row => (row.State, row.Event)).ToArray();
        var expected = Enum.GetValues<NodeState>()
            .SelectMany(state => Enum.GetValues<NodeEvent>().Select(happened => (state, happened)));
        Assert.That(rows, Is.EquivalentTo(expected));
    }

    [Test]
    public void Only_a_failed_probe_makes_a_node_suspect()
    {
        var ways = NodeStates.Table.Where(row => row.State != NodeState.Suspect && row.Next == NodeState.Suspect).ToArray();
        Assert.That(ways, Is.Not.Empty);
        Assert.That(ways.Select(row => row.Event), Is.All.EqualTo(NodeEvent.ProbeFailed).Or.EqualTo(NodeEvent.Overdue));
    }

    [Test]
    public void Nobody_is_dead_who_was_not_suspect_and_overdue()
    {
        var ways = NodeStates.Table.Where(row => row.State != NodeState.Dead && row.Next == NodeState.Dead);
        Assert.That(ways.Select(row => (row.State, row.Event)), Is.EqualTo([(NodeState.Suspect, NodeEvent.Overdue)]));
    }

    [Test]
    public void An_unclean_restart_always_leads_to_doubt()
    {
        foreach (NodeState state in Enum.GetValues<NodeState>())
        {
            NodeTransition row = NodeStates.Next(state, NodeEvent.RestartedUncleanly);
            Assert.That(row.Effects, Is.EqualTo(NodeEffects.DoubtReplicas | NodeEffects.EndAppends));
        }
    }

    [Test]
    public void The_table_in_the_docs_is_the_table_in_the_code()
    {
        var rows = NodeStates.Table.Select(
            row => $"| {row.State} | {row.Event} | {row.Next} | {row.Effects.ToString().Replace(",", " +")} |");
        Assert.That(StateTablesPage.Rows("## Nodes"), Is.EqualTo(rows));
    }
}

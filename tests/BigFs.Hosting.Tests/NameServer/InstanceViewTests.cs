using BigFs.Core.Control;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.NameServer;

[TestFixture]
internal sealed class InstanceViewTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);
    private static readonly Guid First = Guid.NewGuid();
    private static readonly Guid Second = Guid.NewGuid();

    private readonly FakeTimeProvider _clock = new();

    [Test]
    public void Changes_add_up()
    {
        var view = new InstanceView(_clock);
        view.Apply(All(First, 1, 2));
        view.Apply(Change(First, [3], ["1"]));

        Assert.That(view.Endpoints, Is.EqualTo(["h:2", "h:3"]));
    }

    [Test]
    public void A_new_beginning_from_the_same_name_server_is_believed()
    {
        var view = new InstanceView(_clock);
        view.Apply(All(First, 1, 2));
        view.Apply(All(First, 2));

        Assert.That(view.Endpoints, Is.EqualTo(["h:2"]));
        Assert.That(view.DoubtLeft, Is.Null);
    }

    [Test]
    public void What_a_restarted_name_server_does_not_know_yet_stays_for_a_lease()
    {
        var view = new InstanceView(_clock);
        view.Apply(All(First, 1, 2, 3));
        view.Apply(All(Second, 1));
        string[] before = [.. view.Endpoints];
        view.Apply(Change(Second, [3], []));
        _clock.Advance(Lease);
        TimeSpan? left = view.DoubtLeft;
        bool changed = view.ForgetUnconfirmed();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(before, Is.EqualTo(["h:1", "h:2", "h:3"]));
            Assert.That(left, Is.EqualTo(TimeSpan.Zero));
            Assert.That(changed, Is.True);
            Assert.That(view.Endpoints, Is.EqualTo(["h:1", "h:3"]));
        }
    }

    [Test]
    public void The_last_that_were_known_stay_until_others_come()
    {
        var view = new InstanceView(_clock);
        view.Apply(All(First, 1));
        bool changed = view.Apply(Change(First, [], ["1"]));
        string[] last = [.. view.Endpoints];
        view.Apply(Change(First, [2], []));

        Assert.That((changed, last.Single(), view.Endpoints.Single()), Is.EqualTo((false, "h:1", "h:2")));
    }

    private static InstanceUpdate All(Guid incarnation, params int[] ports) => Update(incarnation, true, ports, []);

    private static InstanceUpdate Change(Guid incarnation, int[] ports, string[] gone) => Update(incarnation, false, ports, gone);

    private static InstanceUpdate Update(Guid incarnation, bool all, int[] ports, string[] gone) => new()
    {
        Incarnation = incarnation,
        Version = 1,
        IsSnapshot = all,
        Instances = [.. ports.Select(port => new ServiceInstance { Role = ServiceRole.FileServer, Id = $"{port}", Endpoint = $"h:{port}" })],
        Gone = [.. gone],
        Lease = Lease,
    };
}

using BigFs.Core.Control;
using BigFs.Hosting.NameServer;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;
using Names = BigFs.Hosting.NameServer.NameServer;

namespace BigFs.Hosting.Tests.NameServer;

[TestFixture]
internal sealed class WatchTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _clock = new();

    [Test]
    public async Task A_watch_tells_all_instances_first_and_then_each_change()
    {
        var names = new Names(_clock);
        await names.RegisterAsync(Instance("a"), default);
        await using IAsyncEnumerator<InstanceUpdate> watch = Watch(names);
        InstanceUpdate all = await NextAsync(watch);
        await names.RegisterAsync(Instance("b"), default);
        InstanceUpdate came = await NextAsync(watch);
        await names.ReleaseAsync(ServiceRole.FileServer, "a", default);
        InstanceUpdate went = await NextAsync(watch);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Told(all), Is.EqualTo((true, "a", "")));
            Assert.That(Told(came), Is.EqualTo((false, "b", "")));
            Assert.That(Told(went), Is.EqualTo((false, "", "a")));
            Assert.That(new[] { all.Version, came.Version, went.Version }, Is.Ordered.Ascending.And.Unique);
            Assert.That(went.Incarnation, Is.EqualTo(all.Incarnation));
        }
    }

    [Test]
    public async Task A_role_without_instances_is_told_as_such_at_once()
    {
        await using IAsyncEnumerator<InstanceUpdate> watch = Watch(new Names(_clock));

        Assert.That(Told(await NextAsync(watch)), Is.EqualTo((true, "", "")));
    }

    [Test]
    public async Task Renewals_and_other_roles_are_no_news()
    {
        var names = new Names(_clock);
        await names.RegisterAsync(Instance("a"), default);
        await using IAsyncEnumerator<InstanceUpdate> watch = Watch(names);
        await NextAsync(watch);
        Task<bool> next = watch.MoveNextAsync().AsTask();
        await names.RegisterAsync(Instance("a"), default);
        await names.RegisterAsync(Instance("other") with { Role = ServiceRole.DataNode }, default);
        bool early = next.IsCompleted;
        await names.RegisterAsync(Instance("a") with { Endpoint = "127.0.0.1:2" }, default);

        Assert.That(await next.WaitAsync(Limit), Is.True);
        Assert.That((early, watch.Current.Instances.Single().Endpoint), Is.EqualTo((false, "127.0.0.1:2")));
    }

    [Test]
    public async Task A_lease_that_ends_is_told_within_five_seconds_of_its_last_renewal()
    {
        var names = new Names(_clock);
        await names.RegisterAsync(Instance("dead"), default);
        await using IAsyncEnumerator<InstanceUpdate> watch = Watch(names);
        await NextAsync(watch);
        Task<bool> next = watch.MoveNextAsync().AsTask();
        TimeSpan passed = TimeSpan.Zero;
        while (!next.IsCompleted && passed < TimeSpan.FromSeconds(5))
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            passed += TimeSpan.FromMilliseconds(100);
            await Task.Yield();
        }

        Assert.That(await next.WaitAsync(Limit), Is.True);
        Assert.That(Told(watch.Current), Is.EqualTo((false, "", "dead")));
        Assert.That(names.Lease, Is.LessThan(TimeSpan.FromSeconds(5)));
    }

    [TestCase(RoleLeases.MaxChanges, false)]
    [TestCase(RoleLeases.MaxChanges + 1, true)]
    public async Task A_slow_watcher_gets_changes_as_one_and_too_many_as_a_new_beginning(int changes, bool anew)
    {
        var names = new Names(_clock);
        await using IAsyncEnumerator<InstanceUpdate> watch = Watch(names);
        await NextAsync(watch);
        for (int i = 1; i <= changes; i++)
        {
            await names.RegisterAsync(Instance("a") with { ProcessId = i }, default);
        }

        InstanceUpdate update = await NextAsync(watch);

        Assert.That((update.IsSnapshot, update.Version), Is.EqualTo((anew, (long)changes)));
        Assert.That(update.Instances.Select(one => one.ProcessId), Is.EqualTo([changes]));
    }

    [Test]
    public async Task What_comes_and_goes_between_two_looks_is_told_as_gone()
    {
        var names = new Names(_clock);
        await using IAsyncEnumerator<InstanceUpdate> watch = Watch(names);
        await NextAsync(watch);
        await names.RegisterAsync(Instance("a"), default);
        await names.ReleaseAsync(ServiceRole.FileServer, "a", default);

        Assert.That(Told(await NextAsync(watch)), Is.EqualTo((false, "", "a")));
    }

    [Test]
    public async Task A_watch_ends_by_its_token()
    {
        using var cancel = new CancellationTokenSource();
        await using IAsyncEnumerator<InstanceUpdate> watch =
            new Names(_clock).WatchAsync(ServiceRole.FileServer, cancel.Token).GetAsyncEnumerator();
        await NextAsync(watch);
        Task<bool> next = watch.MoveNextAsync().AsTask();
        await cancel.CancelAsync();

        await Assert.CatchAsync<OperationCanceledException>(() => next.WaitAsync(Limit));
    }

    private static ServiceInstance Instance(string id) => new() { Role = ServiceRole.FileServer, Id = id, Endpoint = "127.0.0.1:1" };

    private static IAsyncEnumerator<InstanceUpdate> Watch(INameServer names) =>
        names.WatchAsync(ServiceRole.FileServer, default).GetAsyncEnumerator();

    private static async Task<InstanceUpdate> NextAsync(IAsyncEnumerator<InstanceUpdate> watch)
    {
        Assert.That(await watch.MoveNextAsync().AsTask().WaitAsync(Limit), Is.True);
        return watch.Current;
    }

    private static (bool All, string Here, string Gone) Told(InstanceUpdate update) =>
        (update.IsSnapshot, string.Join(',', update.Instances.Select(one => one.Id)), string.Join(',', update.Gone));
}

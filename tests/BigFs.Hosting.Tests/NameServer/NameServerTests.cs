using BigFs.Core.Control;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Moq;
using NUnit.Framework;
using Names = BigFs.Hosting.NameServer.NameServer;

namespace BigFs.Hosting.Tests.NameServer;

[TestFixture]
internal sealed class NameServerTests
{
    private readonly FakeTimeProvider _clock = new();

    [Test]
    public async Task Instances_are_resolved_by_role_in_the_order_of_their_ids()
    {
        var names = new Names(_clock);
        foreach (string id in new[] { "b", "c", "a", "B" })
        {
            await names.RegisterAsync(Instance(ServiceRole.FileServer, id), default);
        }

        await names.RegisterAsync(Instance(ServiceRole.DataNode, "a"), default);

        Assert.That(await IdsAsync(names, ServiceRole.FileServer), Is.EqualTo(["B", "a", "b", "c"]));
        Assert.That(await IdsAsync(names, ServiceRole.NodeManager), Is.Empty);
    }

    [Test]
    public async Task A_lease_ends_when_it_is_not_renewed_and_lives_as_long_as_it_is()
    {
        var names = new Names(_clock);
        await names.RegisterAsync(Instance(ServiceRole.FileServer, "kept"), default);
        await names.RegisterAsync(Instance(ServiceRole.FileServer, "left"), default);
        _clock.Advance(names.Lease - TimeSpan.FromTicks(1));
        string[] before = await IdsAsync(names, ServiceRole.FileServer);
        await names.RegisterAsync(Instance(ServiceRole.FileServer, "kept"), default);
        _clock.Advance(TimeSpan.FromTicks(1));

        Assert.That(before, Is.EqualTo(["kept", "left"]));
        Assert.That(await IdsAsync(names, ServiceRole.FileServer), Is.EqualTo(["kept"]));
    }

    [Test]
    public async Task The_same_instance_again_replaces_what_was_known_of_it()
    {
        var names = new Names(_clock);
        await names.RegisterAsync(Instance(ServiceRole.FileServer, "a"), default);
        ServiceInstance moved = Instance(ServiceRole.FileServer, "a") with { Endpoint = "127.0.0.1:2" };
        await names.RegisterAsync(moved, default);

        Assert.That(await names.ResolveAsync(ServiceRole.FileServer, default), Is.EqualTo([moved]));
    }

    [Test]
    public async Task A_released_instance_is_gone_and_releasing_a_stranger_is_fine()
    {
        var names = new Names(_clock);
        await names.RegisterAsync(Instance(ServiceRole.FileServer, "a"), default);
        await names.ReleaseAsync(ServiceRole.FileServer, "a", default);
        await names.ReleaseAsync(ServiceRole.FileServer, "a", default);

        Assert.That(await IdsAsync(names, ServiceRole.FileServer), Is.Empty);
    }

    [TestCase("192.0.2.7:80")]
    [TestCase("0.0.0.0:80")]
    [TestCase("169.254.1.1:80")]
    [TestCase("another.host:80")]
    [TestCase("[fe80::1]:80")]
    [TestCase("127.0.0.1:0")]
    [TestCase("127.0.0.1")]
    [TestCase("")]
    public void A_foreign_or_useless_address_is_refused(string endpoint)
    {
        var names = new Names(_clock);

        BigFsException? caught = Assert.Throws<BigFsException>(
            () => names.RegisterAsync(Instance(ServiceRole.FileServer, "a") with { Endpoint = endpoint }, default).AsTask());

        Assert.That(caught!.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
    }

    [TestCase(255, true)]
    [TestCase(256, false)]
    public async Task The_name_of_a_host_is_bounded(int length, bool taken)
    {
        var names = new Names(_clock);
        ServiceInstance instance = Instance(ServiceRole.FileServer, "a") with { ProcessId = 1, Host = new string('h', length) };

        BigFsErrorCode? refusal = null;
        try
        {
            await names.RegisterAsync(instance, default);
        }
        catch (BigFsException error)
        {
            refusal = error.Code;
        }

        Assert.That(refusal, Is.EqualTo(taken ? null : (BigFsErrorCode?)BigFsErrorCode.InvalidArgument));
        Assert.That(await names.ResolveAsync(ServiceRole.FileServer, default), taken ? Is.EqualTo([instance]) : Is.Empty);
    }

    [Test]
    public async Task The_number_of_leases_is_bounded_and_ended_ones_make_room()
    {
        var names = new Names(_clock);
        for (int i = 0; i < Names.MaxLeases; i++)
        {
            await names.RegisterAsync(Instance(ServiceRole.FileServer, $"{i}"), default);
        }

        BigFsException? caught = Assert.Throws<BigFsException>(
            () => names.RegisterAsync(Instance(ServiceRole.FileServer, "more"), default).AsTask());
        await names.RegisterAsync(Instance(ServiceRole.FileServer, "7"), default);
        _clock.Advance(names.Lease);
        await names.RegisterAsync(Instance(ServiceRole.FileServer, "more"), default);

        Assert.That(caught!.Code, Is.EqualTo(BigFsErrorCode.LimitExceeded));
        Assert.That(await IdsAsync(names, ServiceRole.FileServer), Is.EqualTo(["more"]));
    }

    [Test]
    public async Task A_keeper_registers_renews_and_releases()
    {
        var names = new Names(_clock);
        var keeper = Keeper(names);
        keeper.Start();
        await keeper.Registered.WaitAsync(TimeSpan.FromSeconds(5));
        for (int i = 0; i < 20; i++)
        {
            _clock.Advance(names.Lease / 3);
            await UntilAsync(async () => (await IdsAsync(names, ServiceRole.FileServer)).Length == 1);
        }

        await keeper.DisposeAsync();

        Assert.That(await IdsAsync(names, ServiceRole.FileServer), Is.Empty);
    }

    [Test]
    public async Task A_keeper_outlives_the_absence_of_the_name_server()
    {
        var empty = new Names(_clock);
        INameServer current = new Names(_clock);
        int failures = 0;
        var names = new Mock<INameServer>();
        names.Setup(n => n.RegisterAsync(It.IsAny<ServiceInstance>(), It.IsAny<CancellationToken>()))
            .Returns((ServiceInstance instance, CancellationToken token) => Volatile.Read(ref current).RegisterAsync(instance, token));
        var away = new Mock<INameServer>();
        away.Setup(n => n.RegisterAsync(It.IsAny<ServiceInstance>(), It.IsAny<CancellationToken>()))
            .Callback(() => Interlocked.Increment(ref failures))
            .ThrowsAsync(new BigFsException(BigFsErrorCode.Unavailable, "Away."));
        await using var keeper = Keeper(names.Object);
        keeper.Start();
        await keeper.Registered.WaitAsync(TimeSpan.FromSeconds(5));

        Volatile.Write(ref current, away.Object);
        await AdvanceUntilAsync(() => Task.FromResult(Volatile.Read(ref failures) >= 3));
        Volatile.Write(ref current, empty);
        await AdvanceUntilAsync(async () => (await IdsAsync(empty, ServiceRole.FileServer)).Length == 1);

        Assert.That(await IdsAsync(empty, ServiceRole.FileServer), Is.EqualTo(["a"]));
    }

    [Test]
    public async Task A_refusal_that_time_does_not_heal_is_told()
    {
        var names = new Names(_clock);
        await using var keeper = new BigFs.Hosting.NameServer.LeaseKeeper(
            names,
            Instance(ServiceRole.FileServer, "a") with { Endpoint = "192.0.2.1:1" },
            _clock,
            NullLogger<BigFs.Hosting.NameServer.LeaseKeeper>.Instance);
        keeper.Start();

        BigFsException? caught = await Assert.ThrowsAsync<BigFsException>(() => keeper.Registered.WaitAsync(TimeSpan.FromSeconds(5)));

        Assert.That(caught!.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
    }

    private static ServiceInstance Instance(ServiceRole role, string id) =>
        new() { Role = role, Id = id, Endpoint = "127.0.0.1:1" };

    private static async Task<string[]> IdsAsync(INameServer names, ServiceRole role) =>
        [.. (await names.ResolveAsync(role, default)).Select(instance => instance.Id)];

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        while (!await condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private BigFs.Hosting.NameServer.LeaseKeeper Keeper(INameServer names) => new(
        names, Instance(ServiceRole.FileServer, "a"), _clock, NullLogger<BigFs.Hosting.NameServer.LeaseKeeper>.Instance);

    private Task AdvanceUntilAsync(Func<Task<bool>> condition) => UntilAsync(() =>
    {
        _clock.Advance(TimeSpan.FromMilliseconds(50));
        return condition();
    });
}

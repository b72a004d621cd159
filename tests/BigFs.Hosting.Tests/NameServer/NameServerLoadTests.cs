using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using BigFs.Core.Control;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.NameServer;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using Names = BigFs.Hosting.NameServer.NameServer;

namespace BigFs.Hosting.Tests.NameServer;

/// <summary>
/// A large cluster's name server: 10,000 leases, each renewed every two seconds over gRPC, while others ask. Server and
/// callers share this process, so that the processor time is that of both.
/// </summary>
[TestFixture]
[Category("Scenario")]
internal sealed class NameServerLoadTests
{
    private const int Leases = 10_000;
    private const int Watches = 20;
    private const int Steps = 100;
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);

    [Test]
    public async Task Ten_thousand_leases_renewed_every_two_seconds_leave_resolving_below_a_millisecond()
    {
        string? level = Environment.GetEnvironmentVariable("BIGFS_SCENARIOS");
        if (level is not ("1" or "full"))
        {
            Assert.Ignore("A load: set BIGFS_SCENARIOS=1 (or =full).");
        }

        var names = new Names(TimeProvider.System);
        await using var listener = new ControlListener("127.0.0.1:0", NullLoggerFactory.Instance);
        listener.Map(Protocol.NameServer.BindService(new NameServerService(names, listener.Stopping)));
        await listener.StartAsync(default);
        using var channels = new ChannelCache(TimeSpan.FromSeconds(5));
        await using var client = new GrpcNameServer(listener.Endpoint, channels, new ControlTimeouts(), TimeProvider.System);
        ServiceInstance[] instances = [.. Enumerable.Range(0, Leases).Select(i => new ServiceInstance
        {
            Role = i < 10 ? ServiceRole.FileServer : ServiceRole.DataNode,
            Id = i.ToString("d5", CultureInfo.InvariantCulture),
            Endpoint = $"127.0.0.1:{1 + i}",
            ProcessId = 1 + i,
            Host = "made-up",
        })];
        await RenewAsync(client, instances, TimeSpan.Zero, default);
        using var stop = new CancellationTokenSource();
        Task[] watches = [.. Enumerable.Range(0, Watches).Select(_ => FollowAsync(client, stop.Token))];

        TimeSpan length = TimeSpan.FromSeconds(level == "full" ? 30 : 4);
        TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        Task<int> renewals = RenewForAsync(client, instances, length);
        List<double> small = [];
        List<double> large = [];
        while (!renewals.IsCompleted)
        {
            small.Add(await ResolveAsync(client, ServiceRole.FileServer, 10));
            if (small.Count % 50 == 0)
            {
                long began = Stopwatch.GetTimestamp();
                Assert.That((await names.ResolveAsync(ServiceRole.DataNode, default)).Length, Is.EqualTo(Leases - 10));
                large.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            await Task.Delay(2);
        }

        double cores = (Environment.CpuUsage.TotalTime - cpuBefore) / Stopwatch.GetElapsedTime(start);
        await stop.CancelAsync();
        await Task.WhenAll(watches);
        small.Sort();
        large.Sort();
        TestContext.Out.WriteLine(FormattableString.Invariant(
            $"FIGURE name server, {Leases} leases renewed every 2 s: {await renewals / length.TotalSeconds:0} renewals/s; resolve over gRPC p50 {At(small, 0.5):0.000} ms, p99 {At(small, 0.99):0.000} ms ({small.Count} calls, 10 instances); in process, 9,990 instances: p50 {At(large, 0.5):0.0000} ms; {cores:0.00} cores, callers included"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(At(small, 0.5), Is.LessThan(1));
            Assert.That(At(large, 0.5), Is.LessThan(1));
            Assert.That(cores, Is.LessThan(1));
        }
    }

    private static double At(List<double> sorted, double share) => sorted[(int)((sorted.Count - 1) * share)];

    private static async Task<double> ResolveAsync(INameServer client, ServiceRole role, int expected)
    {
        long began = Stopwatch.GetTimestamp();
        ImmutableArray<ServiceInstance> found = await client.ResolveAsync(role, default);
        double milliseconds = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        Assert.That(found, Has.Length.EqualTo(expected));
        return milliseconds;
    }

    private static async Task<int> RenewForAsync(INameServer client, ServiceInstance[] instances, TimeSpan length)
    {
        int rounds = (int)(length / Renewal);
        for (int round = 0; round < rounds; round++)
        {
            await RenewAsync(client, instances, Renewal / Steps, default);
        }

        return rounds * instances.Length;
    }

    /// <summary>Renews all leases, spread over equal steps.</summary>
    private static async Task RenewAsync(
        INameServer client, ServiceInstance[] instances, TimeSpan step, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        int number = 0;
        foreach (ServiceInstance[] some in instances.Chunk(instances.Length / Steps))
        {
            TimeSpan early = (step * number++) - Stopwatch.GetElapsedTime(start);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early, cancellationToken);
            }

            await Task.WhenAll(some.Select(one => client.RegisterAsync(one, cancellationToken).AsTask()));
        }

        TimeSpan rest = (step * number) - Stopwatch.GetElapsedTime(start);
        if (rest > TimeSpan.Zero)
        {
            await Task.Delay(rest, cancellationToken);
        }
    }

    private static async Task FollowAsync(INameServer client, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (InstanceUpdate update in client.WatchAsync(ServiceRole.FileServer, cancellationToken))
            {
                Assert.That(update.IsSnapshot, Is.True, "renewals are no news");
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // As asked.
        }
    }
}

using BigFs.Core.Messaging;
using BigFs.Hosting.Diagnostics;
using BigFs.Hosting.FileServer;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.Tests.NodeManager;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Messaging;

/// <summary>What heartbeats say.</summary>
public sealed class HeartbeatTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Test]
    public void Rates_are_means_since_the_measurement_before()
    {
        var time = new FakeTimeProvider();
        var meter = new RateMeter(time);
        Assert.That(meter.PerSecond(1000), Is.Zero);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(meter.PerSecond(1500), Is.EqualTo(250));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(meter.PerSecond(1500), Is.Zero);
    }

    [Test]
    [Platform("Linux")]
    public void A_process_says_what_it_and_its_machine_use()
    {
        var meter = new ProcessMeter(TimeProvider.System);
        ProcessLoad first = meter.Measure();
        long begun = TimeProvider.System.GetTimestamp();
        double busy = 0;
        while (TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(0.2))
        {
            busy = Math.Sqrt(busy + 1);
        }

        ProcessLoad second = meter.Measure();
        Assert.That(first.CpuCores, Is.Zero);
        Assert.That(second.CpuCores, Is.GreaterThan(0));
        Assert.That(second.Cores, Is.GreaterThan(0));
        Assert.That(second.ResidentBytes, Is.GreaterThan(1 << 20).And.LessThan(second.MemoryTotalBytes));
        Assert.That(second.MemoryAvailableBytes, Is.GreaterThan(0).And.LessThanOrEqualTo(second.MemoryTotalBytes));
    }

    [Test]
    public async Task A_datanodes_heartbeat_says_what_is_written_and_read()
    {
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(new() { DataNodes = 1, InMemory = true });
        using var stop = new CancellationTokenSource(Limit);
        await using IAsyncEnumerator<ClusterEvent> heartbeats =
            cluster.Bus.SubscribeAsync(ClusterTopic.DataNodeHeartbeats, stop.Token).GetAsyncEnumerator();
        Task traffic = UseAsync();
        bool hasWritten = false, hasRead = false;
        DataNodeHeartbeat? last = null;
        while ((!hasWritten || !hasRead) && await heartbeats.MoveNextAsync())
        {
            var heartbeat = (DataNodeHeartbeat)heartbeats.Current;
            hasWritten |= heartbeat.Load!.WrittenBytesPerSecond > 0;
            hasRead |= heartbeat.Load.ReadBytesPerSecond > 0;
            Assert.That(heartbeat.Sequence, Is.GreaterThan(last?.Sequence ?? 0));
            last = heartbeat;
        }

        await stop.CancelAsync();
        await traffic;
        Assert.That(last!.Load!.Volumes, Is.GreaterThan(0));
        Assert.That(last.Load.OpenVolumes, Is.GreaterThan(0));
        Assert.That(last.Load.DiskFreeBytes, Is.GreaterThan(0));

        async Task UseAsync()
        {
            byte[] content = new byte[200_000];
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                await Task.Yield();
                await cluster.Client.UploadBytesAsync($"/{i % 10}", content);
                await cluster.Client.ReadBytesAsync($"/{i % 10}");
            }
        }
    }

    [Test]
    public async Task A_file_server_says_how_busy_it_is_and_at_last_that_it_is_drained()
    {
        var bus = new FakeBus();
        var calls = new CallMeter();
        calls.Begin();
        calls.Begin();
        calls.End();
        var pulse = new FileServerPulse(bus, "file-server@here", "here", calls, TimeProvider.System);
        pulse.Start();
        await pulse.DisposeAsync();

        FileServerHeartbeat[] sent = [.. bus.Published.Cast<FileServerHeartbeat>()];
        Assert.That(sent.Select(one => one.IsDrained), Is.EqualTo([false, true]));
        Assert.That(sent.Select(one => one.Sequence), Is.EqualTo([1, 2]));
        Assert.That(sent.Select(one => (one.Server, one.Endpoint, one.CallsInFlight)), Is.All.EqualTo(("file-server@here", "here", 1)));
        Assert.That(sent[0].Incarnation, Is.EqualTo(sent[1].Incarnation).And.GreaterThan(0));
    }

    [Test]
    public async Task A_file_servers_heartbeats_come_while_it_serves()
    {
        await using BigFsCluster cluster = await BigFsCluster.StartAsync(new() { DataNodes = 1, InMemory = true, Listen = true });
        using var stop = new CancellationTokenSource(Limit);
        await using IAsyncEnumerator<ClusterEvent> heartbeats =
            cluster.Bus.SubscribeAsync(ClusterTopic.ServerHeartbeats, stop.Token).GetAsyncEnumerator();
        await using var client = new BigFsClient(cluster.Endpoint!);
        bool hasServed = false;
        while (!hasServed && await heartbeats.MoveNextAsync())
        {
            await client.FindAsync("/nothing");
            var heartbeat = (FileServerHeartbeat)heartbeats.Current;
            Assert.That(heartbeat.Endpoint, Is.EqualTo(cluster.Endpoint!.Authority));
            hasServed = heartbeat.CallsPerSecond > 0;
        }
    }
}

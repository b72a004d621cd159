using System.Diagnostics;
using BigFs.Core.Control;
using BigFs.Core.Model;
using Grpc.Core;
using Grpc.Health.V1;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Grpc;

[TestFixture]
internal sealed class GrpcHealthTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Test]
    public async Task The_health_service_serves_while_the_roles_do_and_its_watch_ends_with_them()
    {
        BigFsRoleHost host = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions { Roles = [BigFsRoleNames.NameServer] });
        await using TestCluster cluster = await TestCluster.StartAsync();
        var client = new Health.HealthClient(cluster.Channels.Get(host.Roles[0].Endpoint));
        HealthCheckResponse answer = await client.CheckAsync(new HealthCheckRequest());
        using AsyncServerStreamingCall<HealthCheckResponse> watch = client.Watch(new HealthCheckRequest());
        Assert.That(await watch.ResponseStream.MoveNext(default).WaitAsync(Limit), Is.True);

        await host.DisposeAsync().AsTask().WaitAsync(Limit);

        Assert.That(answer.Status, Is.EqualTo(HealthCheckResponse.Types.ServingStatus.Serving));
        await Assert.ThatAsync(EndAsync, Throws.Nothing);

        async Task EndAsync()
        {
            try
            {
                while (await watch.ResponseStream.MoveNext(default).WaitAsync(Limit))
                {
                    // What it said last.
                }
            }
            catch (RpcException)
            {
                // Its end is all that counts.
            }
        }
    }

    [Test]
    public async Task A_recorded_trace_goes_along_on_the_stream_of_calls()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "BigFs" or "test",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource("test");
        await using TestCluster cluster = await TestCluster.StartAsync();
        var seen = new TaskCompletionSource<Activity?>();
        var files = new Mock<IFileServer>();
        files.Setup(f => f.FindAsync(It.IsAny<BigFsPath>(), It.IsAny<CancellationToken>()))
            .Callback(() => seen.TrySetResult(Activity.Current))
            .ReturnsAsync((BigFsEntry?)null);
        await cluster.ServeAsync(files.Object);
        using Activity? own = source.StartActivity("caller");

        await cluster.FileClient().FindAsync("/a", default);

        Activity? there = await seen.Task.WaitAsync(Limit);
        Assert.That((there?.TraceId, there?.ParentSpanId), Is.EqualTo((own?.TraceId, own?.SpanId)));
    }
}

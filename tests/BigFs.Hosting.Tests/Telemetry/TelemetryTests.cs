using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using BigFs.Core.Control;
using BigFs.Core.Messaging;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Telemetry;
using BigFs.Hosting.Tests.Grpc;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Telemetry;

[TestFixture]
internal sealed class TelemetryTests
{
    // Not to be found anywhere else.
    private const string Secret = "secret-name-7c1f";

    [Test]
    public async Task Every_operation_at_the_metadata_server_is_timed_and_traced_with_its_outcome_and_without_its_path()
    {
        await using SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, default);
        await using MetadataServer.MetadataServer server = Server(store);
        await server.StartAsync(default);
        using var recorded = new Recorded();

        await CommitAsync(server, $"/{Secret}/a");
        await CommitAsync(server, $"/{Secret}/b");
        await server.FindAsync($"/{Secret}/a", false, default);
        await server.ListAsync(new MetadataListRequest { Directory = $"/{Secret}" }, default);
        List<EntryPage> streamed = await server.StreamAsync(new MetadataListRequest { Directory = $"/{Secret}" }, default).ToListAsync();
        BigFsException refused = await ErrorTests.FailAsync(
            server.ListAsync(new MetadataListRequest { Directory = $"/{Secret}/absent" }, default));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.NotFound));
            Assert.That(recorded.Of("bigfs.metadata.operation.duration", "operation=CommitFile,outcome=Ok"), Has.Length.GreaterThanOrEqualTo(2).And.All.Positive);
            Assert.That(recorded.Of("bigfs.metadata.operation.duration", "operation=Find,outcome=Ok"), Is.Not.Empty);
            Assert.That(recorded.Of("bigfs.metadata.operation.duration", "operation=List,outcome=NotFound"), Is.Not.Empty);
            Assert.That(recorded.Of("bigfs.metadata.entries_listed").Sum(), Is.GreaterThanOrEqualTo(2 + streamed.Sum(page => page.Entries.Length)));
            Assert.That(
                recorded.Activities.Where(one => one.OperationName == "bigfs.metadata List").Select(one => one.GetTagItem("bigfs.outcome")),
                Does.Contain("Ok").And.Contain("NotFound"));
            AssertNowhere(recorded);
        }
    }

    [Test]
    public void Every_operation_of_the_seam_goes_through_the_meter_whatever_it_answers()
    {
        (IMetadataStore store, SeamRecorder recorder) = SeamRecorder.Create<IMetadataStore>();
        IMetadataStore measured = MeasuredStore.Over(store);
        using var recorded = new Recorded();
        foreach (MethodInfo operation in typeof(IMetadataStore).GetMethods().Where(one => !one.ReturnType.Name.StartsWith("IAsyncEnumerable", StringComparison.Ordinal)))
        {
            var samples = new Samples(7);
            var context = new NullabilityInfoContext();
            object?[] arguments =
                [.. operation.GetParameters()[..^1].Select(one => samples.Create(one.ParameterType, context.Create(one), one.Name!)), CancellationToken.None];
            recorder.Answer = method => SeamRecorder.ResultOf(method) is { IsValueType: true } value ? Activator.CreateInstance(value) : null;

            operation.Invoke(measured, arguments);

            Assert.That(recorder.Called, Is.EqualTo(operation));
            Assert.That(
                recorded.Of("bigfs.metadata.operation.duration", $"operation={operation.Name[..^5]},outcome=Ok"), Is.Not.Empty, operation.Name);
        }
    }

    [Test]
    public async Task Calls_of_a_service_are_timed_unary_and_on_the_stream_and_carry_the_callers_trace()
    {
        await using SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, default);
        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(store);
        GrpcMetadataStore streamed = cluster.MetadataClient();
        GrpcMetadataStore unary = cluster.Own(new GrpcMetadataStore(cluster.Names, cluster.Channels, cluster.Timeouts, TimeProvider.System, unary: true));
        using var recorded = new Recorded();
        using Activity caller = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();

        await CommitAsync(streamed, $"/{Secret}");
        await streamed.FindAsync($"/{Secret}", true, default);
        await unary.FindAsync($"/{Secret}", true, default);
        await ErrorTests.FailAsync(unary.DeleteAsync(new DeleteRequest { Operation = Guid.CreateVersion7(), Path = "/" }, default));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(recorded.Of("bigfs.service.call.duration", "service=MetadataServer,operation=Find,outcome=Ok"), Has.Length.GreaterThanOrEqualTo(2));
            Assert.That(recorded.Of("bigfs.service.call.duration", "service=MetadataServer,operation=CommitFile,outcome=Ok"), Is.Not.Empty);
            Assert.That(recorded.Of("bigfs.service.call.duration", "service=MetadataServer,operation=Delete,outcome=InvalidPath"), Is.Not.Empty);
            Assert.That(
                recorded.Activities.Where(one => one.OperationName == "bigfs.MetadataServer/Find" && one.TraceId == caller.TraceId),
                Has.Exactly(2).Items);
            AssertNowhere(recorded);
        }
    }

    [Test]
    public async Task A_database_tells_its_queue_its_batches_and_its_log()
    {
        string folder = Directory.CreateTempSubdirectory("bigfs-telemetry").FullName;
        try
        {
            using var recorded = new Recorded();
            await using (SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
                new SqliteMetadataOptions { DataDirectory = folder }, TimeProvider.System, NullLogger.Instance, default))
            {
                await Task.WhenAll(Enumerable.Range(0, 200).Select(i => CommitAsync(store, $"/{i}")));
                recorded.Observe();
            }

            double[] sizes = recorded.Of("bigfs.sqlite.wal_size", "database=metadata");
            using (Assert.EnterMultipleScope())
            {
                Assert.That(recorded.Of("bigfs.sqlite.transaction.operations", "database=metadata").Sum(), Is.GreaterThanOrEqualTo(200));
                Assert.That(recorded.Of("bigfs.sqlite.transaction.duration", "database=metadata"), Is.All.Positive);
                Assert.That(recorded.Of("bigfs.sqlite.queue_depth", "database=metadata"), Is.Not.Empty);
                Assert.That(sizes.Max(), Is.GreaterThan(4096));
            }

            int before = recorded.Of("bigfs.sqlite.wal_size").Length;
            recorded.Measurements.Clear();
            recorded.Observe();
            Assert.That(recorded.Of("bigfs.sqlite.wal_size"), Has.Length.LessThan(before + 1), "a closed database tells nothing");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task Every_instrument_is_in_the_documentation()
    {
        string root = TestContext.CurrentContext.TestDirectory;
        while (!File.Exists(Path.Combine(root, "BigFs.sln")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        string table = await File.ReadAllTextAsync(Path.Combine(root, "docs", "telemetry.md"));
        var names = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == "BigFs")
                {
                    names.Add(instrument.Name);
                }
            },
        };
        Type storage = typeof(IDisk).Assembly.GetType("BigFs.Core.Storage.StorageMetrics", throwOnError: true)!;
        foreach (Type type in new[] { typeof(ServiceMetrics), typeof(MeasuredStore), typeof(FileServerMetrics), typeof(ClusterBusMetrics), storage })
        {
            System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        }

        await using SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, default);
        listener.Start();

        Assert.That(names, Has.Count.GreaterThan(8));
        Assert.That(names.Where(name => !table.Contains($"`{name}`", StringComparison.Ordinal) && !table.Contains($"`.{name.Split('.')[^1]}`", StringComparison.Ordinal)), Is.Empty);
    }

    private static void AssertNowhere(Recorded recorded)
    {
        Assert.That(recorded.Measurements.Where(one => one.Tags.Contains(Secret, StringComparison.Ordinal)), Is.Empty);
        Assert.That(
            recorded.Activities.SelectMany(one => one.TagObjects.Select(tag => $"{one.DisplayName} {tag.Value}"))
                .Where(text => text.Contains(Secret, StringComparison.Ordinal)),
            Is.Empty);
    }

    private static MetadataServer.MetadataServer Server(SqliteMetadataStore store)
    {
        var manager = new Mock<INodeManager>();
        manager.Setup(one => one.GetMapAsync(It.IsAny<long>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new BigFsException(BigFsErrorCode.Unavailable, "away"));
        return new MetadataServer.MetadataServer(
            store, store, store, manager.Object, Mock.Of<IDataNodeDirectory>(), new InProcessClusterBus(NullLogger.Instance),
            new TombstoneWorkerOptions(), TimeProvider.System, NullLogger<MetadataServer.MetadataServer>.Instance);
    }

    private static Task CommitAsync(IMetadataStore store, BigFsPath path) =>
        store.CommitFileAsync(new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = path, Size = 0, Crc32C = 0 }, default).AsTask();
}

using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Grpc;
using BigFs.Hosting.Tests.Metadata.Histories;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>Concurrent clients of a metadata server, over gRPC: what they are told is linearizable.</summary>
[TestFixture]
internal sealed class MetadataConcurrencyTests
{
    private const int Clients = 4;
    private const int OperationsOfEach = 150;

    [Test]
    public async Task What_concurrent_clients_are_told_is_linearizable([Range(1, 4)] int round)
    {
        (ImmutableArray<string> violations, int undecided) = await RunAsync(round, store => store);
        Assert.That(violations, Is.Empty);
        Assert.That(undecided, Is.Zero);
    }

    [Test]
    public async Task A_single_stale_answer_is_found_out([Range(1, 3)] int round)
    {
        var answer = new StaleAnswer("/clients/f");
        (ImmutableArray<string> violations, _) = await RunAsync(round, store => StaleOnceStore.Over(store, answer));
        Assert.That(answer.IsGiven);
        Assert.That(violations, Has.Length.EqualTo(1));
    }

    private static async Task<(ImmutableArray<string> Violations, int Undecided)> RunAsync(
        int round, Func<IMetadataStore, IMetadataStore> wrap)
    {
        await using SqliteMetadataStore engine = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, Uploads.None);
        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(engine);
        await engine.MakeDirectoryAsync("/clients");
        return await ConcurrentClients.RunAsync(
            [.. Enumerable.Range(0, Clients).Select(_ => wrap(cluster.MetadataClient()))],
            "/clients",
            ConcurrentClients.Seed + round,
            OperationsOfEach);
    }
}

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

    private static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("BIGFS_SEED"), out int seed) ? seed : 20260201;

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
        int seed = Seed + round;
        TestContext.Out.WriteLine($"SEED {seed} {TestContext.CurrentContext.Test.Name}");
        await using SqliteMetadataStore engine = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, Uploads.None);
        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(engine);
        BigFsPath directory = "/clients";
        await engine.MakeDirectoryAsync(directory);
        var history = new History();
        var log = new ChunkLog(1);
        ClientLoad[] clients =
        [
            .. Enumerable.Range(0, Clients).Select(client =>
                new ClientLoad(wrap(cluster.MetadataClient()), history, log, directory, client, (seed * 100) + client)),
        ];
        await Task.WhenAll(clients.Select(RunAsync));
        Assert.That(clients.SelectMany(client => client.Findings), Is.Empty);
        return Check(history, directory);
    }

    private static Task RunAsync(ClientLoad client)
    {
        int left = OperationsOfEach;
        return client.RunAsync(() => left-- > 0);
    }

    private static (ImmutableArray<string> Violations, int Undecided) Check(History history, BigFsPath directory)
    {
        var checker = new LinearizabilityChecker();
        var violations = ImmutableArray.CreateBuilder<string>();
        int undecided = 0;
        foreach (IGrouping<BigFsPath, HistoryEvent> part in HistoryParts.Split(history.Events, directory))
        {
            switch (checker.Check(part, NamespaceTree.Empty.WithDirectory(directory), out _, out string explanation))
            {
                case Linearizability.Violated:
                    violations.Add($"{part.Key}: {explanation}");
                    break;
                case Linearizability.Undecided:
                    undecided++;
                    break;
                default:
                    break;
            }
        }

        TestContext.Out.WriteLine(
            $"FIGURE {history.Events.Count} operations of {Clients} clients, {history.Acknowledged} changes, "
            + $"{checker.States} states searched, {violations.Count} violations, {undecided} undecided");
        return (violations.ToImmutable(), undecided);
    }
}

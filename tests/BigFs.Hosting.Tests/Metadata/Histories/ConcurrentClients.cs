using System.Collections.Immutable;
using BigFs.Core.Metadata;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>Several clients that work at the same time, and whether an order of what they did explains what they were told.</summary>
internal static class ConcurrentClients
{
    /// <summary>The seed of everything that is random; BIGFS_SEED replays another one.</summary>
    public static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("BIGFS_SEED"), out int seed) ? seed : 20260201;

    /// <summary>Lets each client do so many operations below the directory, which exists and is empty.</summary>
    /// <returns>What no order explains, and how many searches were given up.</returns>
    public static async Task<(ImmutableArray<string> Violations, int Undecided)> RunAsync(
        IReadOnlyList<IMetadataStore> stores, BigFsPath directory, int seed, int operations)
    {
        TestContext.Out.WriteLine($"SEED {seed} {TestContext.CurrentContext.Test.Name}");
        var history = new History();
        var log = new ChunkLog(1);
        ClientLoad[] clients =
            [.. stores.Select((store, client) => new ClientLoad(store, history, log, directory, client, (seed * 100) + client))];
        await Task.WhenAll(clients.Select(client => RunAsync(client, operations)));
        Assert.That(clients.SelectMany(client => client.Findings), Is.Empty);
        Assert.That(clients.Where(client => client.IsCutOff), Is.Empty, "clients that got no answer");

        var checker = new LinearizabilityChecker();
        var violations = ImmutableArray.CreateBuilder<string>();
        int undecided = 0;
        foreach (IGrouping<BigFsPath, HistoryEvent> part in HistoryParts.Split(history.Events, directory))
        {
            Linearizability verdict =
                checker.Check(part, NamespaceTree.Empty.WithDirectory(directory), out _, out string explanation);
            undecided += verdict == Linearizability.Undecided ? 1 : 0;
            if (verdict == Linearizability.Violated)
            {
                violations.Add($"{part.Key}: {explanation}");
            }
        }

        TestContext.Out.WriteLine(
            $"FIGURE histories: {history.Events.Count} operations of {clients.Length} clients, {history.Acknowledged} changes, "
            + $"{checker.States} states searched, {violations.Count} violations, {undecided} undecided");
        return (violations.ToImmutable(), undecided);
    }

    private static Task RunAsync(ClientLoad client, int operations)
    {
        int left = operations;
        return client.RunAsync(() => left-- > 0);
    }
}

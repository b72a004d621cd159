using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

/// <summary>One cluster in memory with a gateway for all tests of the contract, and a client of each way to it.</summary>
[SetUpFixture]
internal sealed class ContractCluster
{
    private static readonly Dictionary<string, BigFsClient> Clients = [];
    private static BigFsCluster? _cluster;

    /// <summary>The client that reaches the cluster this way: "direct" or "gateway".</summary>
    public static BigFsClient Client(string way) => Clients[way];

    [OneTimeSetUp]
    public static async Task Start()
    {
        _cluster = await BigFsCluster.StartAsync(
            new BigFsClusterOptions { InMemory = true, DataNodes = 3, PreparedBytesPerNode = 0, FileServers = 2 }.UseGateway());
        string door = _cluster.Roles.Single(role => role.Role == BigFsRoleNames.Gateway).Endpoint;
        Clients["direct"] = new BigFsClient(_cluster.Endpoint!);
        Clients["gateway"] = new BigFsClient(new Uri("http://" + door));
    }

    [OneTimeTearDown]
    public static async Task Stop()
    {
        foreach (BigFsClient client in Clients.Values)
        {
            await client.DisposeAsync();
        }

        await (_cluster?.DisposeAsync() ?? default);
    }
}

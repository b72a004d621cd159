using System.Collections.Immutable;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Metadata;
using BigFs.Hosting.Tests.Metadata.Histories;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

/// <summary>Clients of two metadata servers that are active on one database: what they are told is linearizable.</summary>
[TestFixture]
internal sealed class PostgresHistoryTests
{
    private const int OperationsOfEach = 150;

    [Test]
    public async Task What_clients_of_two_servers_on_one_database_are_told_is_linearizable([Range(1, 3)] int round)
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        await using PostgresMetadataStore one = await OpenAsync(options);
        await using PostgresMetadataStore other = await OpenAsync(options);
        await one.MakeDirectoryAsync("/clients");
        (ImmutableArray<string> violations, int undecided) = await ConcurrentClients.RunAsync(
            [one, one, other, other], "/clients", ConcurrentClients.Seed + round, OperationsOfEach);
        Assert.That(violations, Is.Empty);
        Assert.That(undecided, Is.Zero);
    }

    private static async Task<PostgresMetadataStore> OpenAsync(PostgresOptions options) =>
        await PostgresMetadataStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, Uploads.None);
}

using BigFs.Core.Metadata;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Metadata;
using BigFs.Hosting.Tests.Metadata.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

/// <summary>
/// PostgreSQL against the model: a schema for some hundred sequences that run one after the other, so that what each leaves
/// behind does not make the next ones slow.
/// </summary>
[TestFixture]
internal sealed class PostgresMetadataModelTests : MetadataModelSuite
{
    private const int SequencesOfASchema = 200;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private PostgresOptions? _options;
    private PostgresMetadataStore? _store;

    protected override int Short => 20;

    /// <summary>They share the database's clock.</summary>
    protected override int Threads => 1;

    [OneTimeTearDown]
    public async Task Close()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
            await (await SharedServer.GetAsync()).ExecuteAsync($"DROP SCHEMA {_options!.Schema} CASCADE");
            _store = null;
        }
    }

    protected override async Task<ModelEngine> NewAsync(int number)
    {
        if (number % SequencesOfASchema == 0)
        {
            await Close();
        }

        if (_store is null)
        {
            _options = await SharedServer.NewOptionsAsync(_time);
            _store = await OpenAsync();
        }

        return new Engine(this, number);
    }

    private async Task<PostgresMetadataStore> OpenAsync() =>
        await PostgresMetadataStore.OpenAsync(_options!, TimeProvider.System, NullLogger.Instance, Uploads.None);

    private sealed class Engine(PostgresMetadataModelTests owner, int number)
        : ModelEngine($"/s{number}", ((ulong)number * Keys) + 1, owner._time)
    {
        public override IMetadataStore Store => owner._store!;

        public override async Task ReopenAsync()
        {
            await owner._store!.DisposeAsync();
            owner._store = await owner.OpenAsync();
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

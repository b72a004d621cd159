using BigFs.Core.Metadata;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Metadata.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Persistence;

/// <summary>SQLite against the model: most databases in memory, some in files, which are closed and opened again.</summary>
[TestFixture]
internal sealed class SqliteMetadataModelTests : MetadataModelSuite
{
    private const int OneInFiles = 10;

    protected override int Short => 800;

    protected override async Task<ModelEngine> NewAsync(int number) =>
        await Engine.OpenAsync(number % OneInFiles == 0 ? new TemporaryDirectory() : null);

    private sealed class Engine(TemporaryDirectory? folder, FakeTimeProvider time)
        : ModelEngine("/place", 1, time)
    {
        private SqliteMetadataStore _store = null!;

        public override IMetadataStore Store => _store;

        public static async Task<Engine> OpenAsync(TemporaryDirectory? folder)
        {
            var engine = new Engine(folder, new FakeTimeProvider(new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero)));
            await engine.OpenAsync();
            return engine;
        }

        public override async Task ReopenAsync()
        {
            if (folder is not null)
            {
                await _store.DisposeAsync();
                await OpenAsync();
            }
        }

        public override async ValueTask DisposeAsync()
        {
            await _store.DisposeAsync();
            folder?.Dispose();
        }

        private async Task OpenAsync() => _store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = folder?.Path }, Time, NullLogger.Instance, None);
    }
}

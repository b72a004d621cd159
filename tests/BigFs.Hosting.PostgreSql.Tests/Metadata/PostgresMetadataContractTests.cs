using BigFs.Core.Metadata;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

[TestFixture]
internal sealed class PostgresMetadataContractTests : MetadataStoreContract
{
    private PostgresMetadataStore? _store;

    protected override async Task<IMetadataStore> OpenAsync(TimeProvider time)
    {
        _store = await PostgresMetadataStore.OpenAsync(
            await SharedServer.NewOptionsAsync(time), TimeProvider.System, NullLogger.Instance, Uploads.None);
        return _store;
    }

    protected override async Task CloseAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }
    }
}

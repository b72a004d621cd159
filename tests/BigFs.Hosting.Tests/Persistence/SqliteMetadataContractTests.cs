using BigFs.Core.Metadata;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Persistence;

[TestFixture(true)]
[TestFixture(false)]
internal sealed class SqliteMetadataContractTests(bool inMemory) : MetadataStoreContract
{
    private TemporaryDirectory? _folder;
    private SqliteMetadataStore? _store;

    protected override async Task<IMetadataStore> OpenAsync(TimeProvider time)
    {
        _folder = inMemory ? null : new TemporaryDirectory();
        _store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = _folder?.Path }, time, NullLogger.Instance, Uploads.None);
        return _store;
    }

    protected override async Task CloseAsync()
    {
        await _store!.DisposeAsync();
        _folder?.Dispose();
    }
}

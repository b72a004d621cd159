using BigFs.Core.Security;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Access;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class PostgresAccessKeyStoreTests : AccessKeyStoreContract, IAsyncDisposable
{
    private PostgresMetadataStore? _store;

    public ValueTask DisposeAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;

    protected override async Task<IAccessKeyStore> OpenAsync()
    {
        _store = await PostgresMetadataStore.OpenAsync(
            await SharedServer.NewOptionsAsync(TimeProvider.System), TimeProvider.System, NullLogger.Instance, default);
        return _store.AccessKeys;
    }
}

using BigFs.Core.Metadata;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Grpc;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>What an engine promises holds for the client of a metadata server too, with the same refusals.</summary>
[TestFixture]
internal sealed class GrpcMetadataContractTests : MetadataStoreContract
{
    private SqliteMetadataStore _engine = null!;
    private TestCluster _cluster = null!;

    /// <summary>Only the server's own worker uses it, at the engine.</summary>
    protected override ITombstoneQueue Tombstones => _engine;

    /// <summary>What a server says of itself goes by other calls.</summary>
    protected override IMetadataIdentity Identity => _engine;

    protected override async Task<IMetadataStore> OpenAsync(TimeProvider time)
    {
        _engine = await SqliteMetadataStore.OpenAsync(new SqliteMetadataOptions(), time, NullLogger.Instance, Uploads.None);
        _cluster = await TestCluster.StartAsync();
        await _cluster.ServeAsync(_engine);
        return _cluster.MetadataClient();
    }

    protected override async Task CloseAsync()
    {
        await _cluster.DisposeAsync();
        await _engine.DisposeAsync();
    }
}

using BigFs.Core.Model;
using BigFs.Hosting.Tests.Persistence;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Cluster;

/// <summary>A file whose manifest is longer than a part, while the metadata server is restarted.</summary>
[CancelAfter(120_000)]
internal sealed class LongUploadTests
{
    private const int ChunkSize = 64 << 10;

    [Test]
    public async Task A_long_upload_outlives_a_restart_of_the_metadata_server_between_its_parts_and_before_its_commit()
    {
        using var folder = new TemporaryDirectory();
        await using BigFsRoleHost names = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions { Roles = [BigFsRoleNames.NameServer] });
        string nameServer = names.Roles[0].Endpoint!;
        await using BigFsRoleHost others = await BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.NodeManager, BigFsRoleNames.FileServer, BigFsRoleNames.DataNode],
            NameServer = nameServer,
            DataDirectory = folder.Path,
            Replicas = 1,
        });
        BigFsRoleHost metadata = await StartMetadataAsync();
        try
        {
            await using var client = new BigFsClient(new BigFsClientOptions { Endpoint = new Uri($"bigfs://{nameServer}") });
            byte[] part = new byte[(Limits.ManifestPageChunks + 3) * ChunkSize];
            new Random(1).NextBytes(part);
            await using BigFsWriter writer = await client.OpenWriteAsync("/long", new UploadOptions { ChunkSize = ChunkSize });
            await writer.Content.WriteAsync(part);
            await RestartAsync();
            await writer.Content.WriteAsync(part);
            await RestartAsync();
            UploadResult result = await writer.CommitAsync();

            Assert.That(result.Receipt.Chunks, Is.EqualTo(2 * (Limits.ManifestPageChunks + 3)));
            await using Stream reader = await client.OpenReadAsync("/long");
            byte[] back = new byte[part.Length];
            for (int half = 0; half < 2; half++)
            {
                await reader.ReadExactlyAsync(back);
                Assert.That(back.AsSpan().SequenceEqual(part), $"half {half}");
            }

            Assert.That(await reader.ReadAsync(back), Is.Zero);
        }
        finally
        {
            await metadata.DisposeAsync();
        }

        Task<BigFsRoleHost> StartMetadataAsync() => BigFsRoleHost.StartAsync(new BigFsRoleHostOptions
        {
            Roles = [BigFsRoleNames.MetadataServer],
            NameServer = nameServer,
            DataDirectory = folder.Path,
            Replicas = 1,
        });

        async Task RestartAsync()
        {
            await metadata.DisposeAsync();
            metadata = await StartMetadataAsync();
        }
    }
}

using System.Text;
using Moq;

namespace BigFs.Sdk.Tests.Extensions;

/// <summary>How an application's own code is tested without a cluster.</summary>
internal sealed class MockingTests
{
    [Test]
    public async Task Code_that_stores_a_report_is_tested_with_a_mock_of_the_client()
    {
        string stored = "";
        var client = new Mock<IBigFsClient>(MockBehavior.Strict);
        client
            .Setup(mock => mock.UploadAsync(
                "/reports/today", It.IsAny<Stream>(), It.IsAny<UploadOptions?>(), It.IsAny<CancellationToken>()))
            .Returns(async (BigFsPath path, Stream content, UploadOptions? _, CancellationToken token) =>
            {
                using var reader = new StreamReader(content);
                stored = await reader.ReadToEndAsync(token);
                return new UploadResult { File = new BigFsFile { Path = path, Size = stored.Length } };
            });

        long size = await new Reports(client.Object).StoreAsync("all is well");

        Assert.That(stored, Is.EqualTo("all is well"));
        Assert.That(size, Is.EqualTo(11));
    }

    [Test]
    public async Task Code_that_reads_bytes_is_tested_through_the_member_that_the_extension_calls()
    {
        var client = new Mock<IBigFsClient>();
        client
            .Setup(mock => mock.DownloadAsync(
                "/settings", It.IsAny<Stream>(), It.IsAny<DownloadOptions?>(), It.IsAny<CancellationToken>()))
            .Returns(async (BigFsPath path, Stream destination, DownloadOptions? _, CancellationToken token) =>
            {
                await destination.WriteAsync(Encoding.UTF8.GetBytes("on"), token);
                return new BigFsFile { Path = path, Size = 2 };
            });

        Assert.That(await client.Object.ReadBytesAsync("/settings"), Is.EqualTo("on"u8.ToArray()));
    }

    private sealed class Reports(IBigFsClient client)
    {
        public async Task<long> StoreAsync(string text) =>
            (await client.UploadBytesAsync("/reports/today", Encoding.UTF8.GetBytes(text))).File.Size;
    }
}

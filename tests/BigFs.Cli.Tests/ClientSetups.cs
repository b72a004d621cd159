using Moq;

namespace BigFs.Cli.Tests;

/// <summary>Answers of a client in tests.</summary>
internal static class ClientSetups
{
    public static void Finds(this Mock<IBigFsClient> client, string path, BigFsEntry? entry) =>
        client.Setup(c => c.FindAsync(path, It.IsAny<CancellationToken>())).ReturnsAsync(entry);

    public static void Lists(this Mock<IBigFsClient> client, string path, params BigFsEntry[] entries) =>
        client.Setup(c => c.ListAsync(path, It.IsAny<ListOptions?>(), It.IsAny<CancellationToken>()))
            .Returns(entries.ToAsyncEnumerable());

    public static void FailsToList(this Mock<IBigFsClient> client, string path, BigFsErrorCode code) =>
        client.Setup(c => c.ListAsync(path, It.IsAny<ListOptions?>(), It.IsAny<CancellationToken>()))
            .Returns(Failing(path, code));

    /// <summary>Takes uploads to a path and gives their bytes to the sink.</summary>
    public static void TakesUpload(this Mock<IBigFsClient> client, string path, Action<byte[], UploadOptions?>? sink = null) =>
        client.Setup(c => c.UploadAsync(path, It.IsAny<Stream>(), It.IsAny<UploadOptions?>(), It.IsAny<CancellationToken>()))
            .Returns(async (BigFsPath _, Stream content, UploadOptions? options, CancellationToken token) =>
            {
                var bytes = new MemoryStream();
                await content.CopyToAsync(bytes, token);
                sink?.Invoke(bytes.ToArray(), options);
                options?.Progress?.Report(bytes.Length);
                var volume = new VolumeReceipt { Volume = 7, Nodes = ["a", "b"], Chunks = 1, Bytes = bytes.Length };
                return new UploadResult
                {
                    File = CliRun.File(path, bytes.Length),
                    Receipt = new DurabilityReceipt { Replicas = 2, Chunks = 1, Volumes = [volume], NameDurability = "SQLite" },
                };
            });

    public static void GivesDownload(this Mock<IBigFsClient> client, string path, byte[] bytes) =>
        client.Setup(c => c.DownloadAsync(path, It.IsAny<Stream>(), It.IsAny<DownloadOptions?>(), It.IsAny<CancellationToken>()))
            .Returns(async (BigFsPath _, Stream destination, DownloadOptions? options, CancellationToken token) =>
            {
                await destination.WriteAsync(bytes, token);
                options?.Progress?.Report(bytes.Length);
                return CliRun.File(path, bytes.Length);
            });

    private static async IAsyncEnumerable<BigFsEntry> Failing(string path, BigFsErrorCode code)
    {
        await Task.CompletedTask;
        throw new BigFsException(code, "Something else is there.") { Path = path };
#pragma warning disable CS0162 // An iterator needs a yield.
        yield break;
#pragma warning restore CS0162
    }
}

namespace BigFs.Hosting.DependencyInjection;

/// <summary>The embedded cluster's client, which may be injected before the host has started the cluster.</summary>
internal sealed class EmbeddedBigFsClient(EmbeddedBigFs embedded) : IBigFsClient
{
    private IBigFsClient Client => embedded.Cluster.Client;

    public Task<UploadResult> UploadAsync(BigFsPath path, Stream content, UploadOptions? options, CancellationToken cancellationToken) =>
        Client.UploadAsync(path, content, options, cancellationToken);

    public Task<BigFsWriter> OpenWriteAsync(BigFsPath path, UploadOptions? options, CancellationToken cancellationToken) =>
        Client.OpenWriteAsync(path, options, cancellationToken);

    public Task<BigFsFile> DownloadAsync(BigFsPath path, Stream destination, DownloadOptions? options, CancellationToken cancellationToken) =>
        Client.DownloadAsync(path, destination, options, cancellationToken);

    public Task<BigFsReadStream> OpenReadAsync(BigFsPath path, DownloadOptions? options, CancellationToken cancellationToken) =>
        Client.OpenReadAsync(path, options, cancellationToken);

    public Task<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken) =>
        Client.FindAsync(path, cancellationToken);

    public IAsyncEnumerable<BigFsEntry> ListAsync(BigFsPath directory, ListOptions? options, CancellationToken cancellationToken) =>
        Client.ListAsync(directory, options, cancellationToken);

    public Task<BigFsPage> ListPageAsync(BigFsPath directory, ListOptions? options, CancellationToken cancellationToken) =>
        Client.ListPageAsync(directory, options, cancellationToken);

    public Task CreateDirectoryAsync(BigFsPath path, CancellationToken cancellationToken) =>
        Client.CreateDirectoryAsync(path, cancellationToken);

    public Task<bool> DeleteAsync(BigFsPath path, DeleteOptions? options, CancellationToken cancellationToken) =>
        Client.DeleteAsync(path, options, cancellationToken);

    public Task<BigFsEntry> MoveAsync(BigFsPath source, BigFsPath destination, MoveOptions? options, CancellationToken cancellationToken) =>
        Client.MoveAsync(source, destination, options, cancellationToken);
}

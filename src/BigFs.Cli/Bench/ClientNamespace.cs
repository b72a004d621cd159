namespace BigFs.Cli.Bench;

/// <summary>Names as every client of the cluster sees them: through its file servers.</summary>
internal sealed class ClientNamespace(IBigFsClient client) : IBenchNamespace
{
    public async Task<(BigFsFile File, BigFsDurability? Durability)> CreateAsync(BigFsPath path, CancellationToken cancellationToken)
    {
        UploadResult result = await client.UploadBytesAsync(path, ReadOnlyMemory<byte>.Empty, null, cancellationToken);
        return (result.File, result.Receipt.Durability);
    }

    public Task<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken) => client.FindAsync(path, cancellationToken);

    public IAsyncEnumerable<BigFsEntry> ListAsync(BigFsPath directory, CancellationToken cancellationToken) =>
        client.ListAsync(directory, null, cancellationToken);

    public Task<bool> DeleteAsync(BigFsPath path, bool recursive, CancellationToken cancellationToken) =>
        client.DeleteAsync(path, new DeleteOptions { Recursive = recursive }, cancellationToken);
}

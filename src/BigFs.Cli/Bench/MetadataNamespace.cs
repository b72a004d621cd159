using BigFs.Hosting;

namespace BigFs.Cli.Bench;

/// <summary>Names straight at the metadata server.</summary>
internal sealed class MetadataNamespace(BigFsMetadataClient client) : IBenchNamespace
{
    public async Task<(BigFsFile File, BigFsDurability? Durability)> CreateAsync(BigFsPath path, CancellationToken cancellationToken) =>
        (await client.CreateAsync(path, cancellationToken), null);

    public Task<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken) => client.FindAsync(path, cancellationToken);

    public IAsyncEnumerable<BigFsEntry> ListAsync(BigFsPath directory, CancellationToken cancellationToken) =>
        client.ListAsync(directory, cancellationToken: cancellationToken);

    public Task<bool> DeleteAsync(BigFsPath path, bool recursive, CancellationToken cancellationToken) =>
        client.DeleteAsync(path, recursive, cancellationToken);

}

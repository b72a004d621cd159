using System.Runtime.CompilerServices;
using BigFs.Core.Metadata;
using BigFs.Hosting.MetadataServer;
using BigFs.Internal;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting;

/// <summary>
/// A client straight at a cluster's metadata servers, with no file server between: to measure them, and to look at a namespace
/// when no file server runs. It makes empty files only; applications use <see cref="IBigFsClient"/>. Failures are
/// <see cref="BigFsException"/>. Thread-safe.
/// </summary>
public sealed class BigFsMetadataClient : IAsyncDisposable
{
    private readonly ChannelCache _channels;
    private readonly GrpcNameServer _names;
    private readonly GrpcMetadataStore _store;

    /// <summary>Makes a client; does no I/O.</summary>
    /// <exception cref="BigFsException">InvalidSettings: the endpoint is no name server's.</exception>
    /// <param name="endpoint">The cluster, "bigfs://host:port".</param>
    /// <param name="unary">
    /// Whether each operation is a call of its own, as any gRPC client makes it; else (default) making and finding share one
    /// stream, as file servers do it.
    /// </param>
    public BigFsMetadataClient(Uri endpoint, bool unary = false)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        var timeouts = new ControlTimeouts();
        _channels = new ChannelCache(timeouts.Connect);
        ClientSettings settings = ClientSettings.OfNameServer(new BigFsClientOptions { Endpoint = endpoint });
        _names = new GrpcNameServer(BigFsEndpoint.Servers(settings.Endpoint!)!, _channels, timeouts, TimeProvider.System);
        _store = new GrpcMetadataStore(_names, _channels, timeouts, TimeProvider.System, unary, inline: false);
    }

    /// <summary>Makes an empty file with the cluster's default number of replicas, in place of what stands there.</summary>
    public async Task<BigFsFile> CreateAsync(BigFsPath path, CancellationToken cancellationToken = default) =>
        await _store.CommitFileAsync(
            new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = path, Size = 0, Crc32C = 0 }, cancellationToken)
            .ConfigureAwait(false);

    /// <summary>The entry at the path; null when absent.</summary>
    public async Task<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken = default) =>
        (await _store.FindAsync(path, withManifest: false, cancellationToken).ConfigureAwait(false))?.Entry;

    /// <summary>All entries of a directory by name, streamed.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="pageSize">Most entries of a message, 1 to 10,000.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    public async IAsyncEnumerable<BigFsEntry> ListAsync(
        BigFsPath directory, int pageSize = 4000, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var request = new MetadataListRequest { Directory = directory, Limit = pageSize };
        await foreach (EntryPage page in _store.StreamAsync(request, cancellationToken).ConfigureAwait(false))
        {
            foreach (BigFsEntry entry in page.Entries)
            {
                yield return entry;
            }
        }
    }

    /// <summary>Deletes a file or directory; false when nothing was there.</summary>
    public async Task<bool> DeleteAsync(BigFsPath path, bool recursive = false, CancellationToken cancellationToken = default) =>
        await _store.DeleteAsync(
            new DeleteRequest { Operation = Guid.CreateVersion7(), Path = path, Recursive = recursive }, cancellationToken)
            .ConfigureAwait(false);

    /// <summary>Ends what is under way and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync().ConfigureAwait(false);
        await _names.DisposeAsync().ConfigureAwait(false);
        _channels.Dispose();
    }
}

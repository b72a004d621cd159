using BigFs.Core.Control;
using BigFs.Core.Transfer;

namespace BigFs;

/// <summary>The client of a BigFS cluster. Constructors do no I/O. Dispose it when the application ends.</summary>
public sealed class BigFsClient : IAsyncDisposable
{
    /// <summary>Makes a client of the cluster at an endpoint, "bigfs://host:port", with default settings.</summary>
    public BigFsClient(Uri endpoint)
        : this(new BigFsClientOptions { Endpoint = endpoint })
    {
    }

    /// <summary>Makes a client.</summary>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public BigFsClient(BigFsClientOptions options) => ArgumentNullException.ThrowIfNull(options);

    /// <summary>Makes a client on seams of its own: the way of a cluster in the same process.</summary>
    internal BigFsClient(BigFsClientOptions options, IFileServer fileServer, IChunkTransport transport)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(fileServer);
        ArgumentNullException.ThrowIfNull(transport);
    }

    /// <summary>Closes its connections.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

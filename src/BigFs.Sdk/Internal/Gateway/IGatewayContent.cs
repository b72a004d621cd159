using BigFs.Internal.Upload;

namespace BigFs.Internal.Gateway;

/// <summary>File content through a gateway, one try of each: who calls decides about the next. Thread-safe.</summary>
internal interface IGatewayContent : IAsyncDisposable
{
    /// <summary>Begins an upload and returns when the cluster takes it, before any of the content is needed.</summary>
    /// <param name="plan">What it is to be.</param>
    /// <param name="operation">Its identity: a try with the one of another try gets that one's answer, if it had one.</param>
    /// <param name="size">Bytes to come; null when unknown.</param>
    /// <param name="acknowledged">Told the bytes that are safe so far, from any thread, one call at a time.</param>
    /// <param name="cancellationToken">Ends the whole upload.</param>
    /// <exception cref="BigFsException">What the gateway said; Unavailable, TimedOut.</exception>
    Task<IGatewayUpload> BeginAsync(
        UploadPlan plan, Guid operation, long? size, Action<long> acknowledged, CancellationToken cancellationToken);

    /// <summary>
    /// Fills the destination with a range of one version of a file, verified against the gateway's checksum, which is returned.
    /// </summary>
    /// <exception cref="BigFsException">What the gateway said; Unavailable, TimedOut, Damaged.</exception>
    Task<uint> ReadAsync(BigFsFile file, long position, Memory<byte> destination, CancellationToken cancellationToken);
}

/// <summary>One try of an upload; disposing without an end aborts it. One caller at a time.</summary>
internal interface IGatewayUpload : IAsyncDisposable
{
    /// <summary>Most bytes of one <see cref="SendAsync"/>.</summary>
    int MostBytes { get; }

    /// <summary>Sends bytes; none tell that the caller is still there. They may change when this returns.</summary>
    /// <exception cref="BigFsException">As <see cref="IGatewayContent.BeginAsync"/>.</exception>
    Task SendAsync(ReadOnlyMemory<byte> data);

    /// <summary>Tells that all was sent, and waits for what came of it.</summary>
    /// <exception cref="BigFsException">As <see cref="IGatewayContent.BeginAsync"/>.</exception>
    Task<UploadResult> EndAsync(long size, uint crc32C);
}

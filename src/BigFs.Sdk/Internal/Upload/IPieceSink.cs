namespace BigFs.Internal.Upload;

/// <summary>
/// An upload that takes content in order, piece by piece, and makes the file visible at its commit. One caller at a time.
/// Disposing without a commit aborts it, and never throws.
/// </summary>
internal interface IPieceSink : IAsyncDisposable
{
    /// <summary>Where the pieces' buffers come from; as many as may be in flight.</summary>
    TransferBuffers Buffers { get; }

    /// <summary>Bytes of a full piece.</summary>
    int ChunkSize { get; }

    /// <summary>Cancelled when the upload has failed or is to end.</summary>
    CancellationToken Stopped { get; }

    /// <summary>Fails when the upload has failed.</summary>
    void ThrowIfFailed();

    /// <summary>Sends the next piece of the file and takes its buffer over.</summary>
    void Send(byte[] buffer, int length);

    /// <summary>Waits for all pieces and makes the file visible.</summary>
    Task<UploadResult> CommitAsync(CancellationToken cancellationToken);
}

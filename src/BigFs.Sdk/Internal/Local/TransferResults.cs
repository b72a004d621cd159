namespace BigFs.Internal.Local;

/// <summary>The results of a directory's transfer as they come, from several flows.</summary>
internal sealed class TransferResults(IProgress<FileTransferResult>? progress)
{
    private readonly Lock _lock = new();
    private readonly List<FileTransferResult> _results = [];

    /// <summary>All results; complete when the transfer has ended.</summary>
    public IReadOnlyList<FileTransferResult> All => _results;

    /// <summary>Adds a result and tells the caller, one at a time.</summary>
    public void Add(FileTransferResult result)
    {
        lock (_lock)
        {
            _results.Add(result);
            progress?.Report(result);
        }
    }

    /// <summary>Runs one file's transfer; whatever it fails with, but for the caller's cancellation, is its result.</summary>
    public async ValueTask RunAsync(
        BigFsPath path, string localPath, Func<Task<(BigFsFile? File, DurabilityReceipt? Receipt)>> transfer, CancellationToken cancellationToken)
    {
        FileTransferResult result;
        try
        {
            (BigFsFile? file, DurabilityReceipt? receipt) = await transfer().ConfigureAwait(false);
            result = new FileTransferResult { Path = path, LocalPath = localPath, File = file, Receipt = receipt };
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            result = new FileTransferResult { Path = path, LocalPath = localPath, Error = exception };
        }

        Add(result);
    }
}

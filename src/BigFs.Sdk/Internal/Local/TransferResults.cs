using System.Diagnostics;

namespace BigFs.Internal.Local;

/// <summary>The results of a directory's transfer as they come, from several flows, and the sum of its bytes.</summary>
internal sealed class TransferResults(IProgress<FileTransferResult>? progress, IProgress<long>? bytes)
{
    private readonly MonotonicProgress _bytes = new(bytes);
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
        var result = new FileTransferResult { Path = path, LocalPath = localPath };
        long start = Stopwatch.GetTimestamp();
        try
        {
            (BigFsFile? file, DurabilityReceipt? receipt) = await transfer().ConfigureAwait(false);
            result = result with { File = file, Receipt = receipt };
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            result = result with { Error = exception };
        }

        Add(result with { Elapsed = Stopwatch.GetElapsedTime(start) });
    }

    /// <summary>One file's progress, which counts into the sum and goes on to the caller's own.</summary>
    public IProgress<long>? OneFile(IProgress<long>? own) => bytes is null ? own : new Part(_bytes, own);

    /// <summary>Reported on one flow, and never a smaller number after a larger one.</summary>
    private sealed class Part(MonotonicProgress sum, IProgress<long>? own) : IProgress<long>
    {
        private long _last;

        public void Report(long value)
        {
            sum.Add(value - _last);
            _last = value;
            own?.Report(value);
        }
    }
}

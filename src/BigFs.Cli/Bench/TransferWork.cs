namespace BigFs.Cli.Bench;

/// <summary>Uploads or downloads of files.</summary>
internal sealed class TransferWork : IBenchWork
{
    /// <summary>Files of a warm-up are at most this long: it is to be short for large files, too.</summary>
    private const long MaxWarmUpSize = 32 << 20;

    private readonly IBigFsClient _client;
    private readonly BenchPlan _plan;
    private readonly BenchContent _content;

    public TransferWork(IBigFsClient client, BenchPlan plan)
    {
        (_client, _plan) = (client, plan);
        _content = new BenchContent(IsPut ? plan.Size : 0);
    }

    public int Pieces => _plan.Count * _plan.Passes;

    private bool IsPut => _plan.Operation == BenchOperation.Put;

    public Task ConnectAsync(CancellationToken cancellationToken) =>
        _client.FindAsync(IsPut ? _plan.Prefix : _plan.File(0), cancellationToken);

    public Task<BenchOutcome> RunAsync(int number, CancellationToken cancellationToken) =>
        IsPut ? PutAsync(_plan.File(number), _content, cancellationToken) : GetAsync(_plan.File(number % _plan.Count), cancellationToken);

    public Task WarmUpAsync(int number, CancellationToken cancellationToken) => IsPut
        ? PutAsync(_plan.WarmUpFile(number), _content.AtMost(MaxWarmUpSize), cancellationToken)
        : GetAsync(_plan.File(number % _plan.Count), cancellationToken);

    public Task CleanUpAsync(CancellationToken cancellationToken) => IsPut
        ? _client.DeleteAsync(_plan.WarmUpPrefix, new DeleteOptions { Recursive = true }, cancellationToken)
        : Task.CompletedTask;

    private async Task<BenchOutcome> PutAsync(BigFsPath path, BenchContent content, CancellationToken cancellationToken)
    {
        UploadResult result = await content.UploadAsync(
            _client, path, new UploadOptions { Replicas = _plan.Replicas, Inline = _plan.Inline }, cancellationToken);
        return new BenchOutcome
        {
            Bytes = result.File.Size,
            Replicas = result.Receipt.Replicas,
            Durability = result.Receipt.Durability,
        };
    }

    private async Task<BenchOutcome> GetAsync(BigFsPath path, CancellationToken cancellationToken)
    {
        using var sink = new CountingSink();
        BigFsFile file = await _client.DownloadAsync(path, sink, null, cancellationToken);
        if (sink.Length != file.Size)
        {
            string message = $"The file has {file.Size} bytes, and {sink.Length} came.";
            throw new BigFsException(BigFsErrorCode.Damaged, message) { Path = path.ToString() };
        }

        Expect("bytes", "--size", file.Size, _plan.ExpectedSize, path);
        Expect("replicas", "--replicas", file.Replicas, _plan.Replicas, path);
        return new BenchOutcome { Bytes = file.Size, Replicas = file.Replicas };
    }

    private static void Expect(string what, string option, long found, long? expected, BigFsPath path)
    {
        if (expected is { } one && one != found)
        {
            string message = $"The file has {found} {what}, where {option} says {one}: it is of another put.";
            throw new BigFsException(BigFsErrorCode.InvalidArgument, message) { Path = path.ToString() };
        }
    }
}

using System.Diagnostics;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// Uploads, downloads and lists, one after the other on some paths, until it is stopped. Nothing is tried again here: what
/// fails is a failed operation.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private const int Paths = 10;

    private readonly IBigFsClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly List<string> _failures = [];
    private readonly Task _workers;
    private int _operations;
    private TimeSpan _longest;

    public SteadyLoad(IBigFsClient client, int workers, int seed)
    {
        _client = client;
        _workers = Task.WhenAll(Enumerable.Range(0, workers).Select(worker => WorkAsync(worker, new Random(seed + worker))));
    }

    /// <summary>Operations that succeeded so far.</summary>
    public int Operations => Volatile.Read(ref _operations);

    /// <summary>Stops, and tells how it went.</summary>
    public async Task<(int Operations, string[] Failures, TimeSpan Longest)> StopAsync()
    {
        await _stop.CancelAsync();
        await _workers;
        return (_operations, [.. _failures], _longest);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _workers;
        _stop.Dispose();
    }

    private async Task WorkAsync(int worker, Random random)
    {
        BigFsPath folder = $"/load-{worker}";
        while (!_stop.IsCancellationRequested)
        {
            BigFsPath path = folder / $"{random.Next(Paths)}";
            var content = new WrittenContent(random.NextInt64(), random.Next(1, 200_000));
            await RunAsync($"upload {path}", async () => await _client.UploadAsync(path, content.Open()));
            await RunAsync($"download {path}", async () =>
            {
                await using BigFsReadStream stream = await _client.OpenReadAsync(path);
                Assert.That(await WrittenContent.ReadAsync(stream, stream.Length, path.ToString()), Is.EqualTo(content));
            });
            await RunAsync($"list {folder}", async () => _ = await _client.ListPageAsync(folder));
        }
    }

    private async Task RunAsync(string what, Func<Task> operation)
    {
        var taken = Stopwatch.StartNew();
        try
        {
            await operation();
            Interlocked.Increment(ref _operations);
        }
        catch (Exception failure)
        {
            lock (_lock)
            {
                _failures.Add($"{what}: {failure.Message}");
            }
        }

        lock (_lock)
        {
            _longest = taken.Elapsed > _longest ? taken.Elapsed : _longest;
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// Uploads, downloads and lists at a steady, low rate by one client, with a log of what was acknowledged. Each operation
/// that fails is kept.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private const int Paths = 24;
    private const int LargestFile = 300_000;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(40);

    private readonly string _directory;
    private readonly BigFsClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _loops;
    private readonly ConcurrentBag<(string Operation, double Seconds)> _times = [];
    private int _writes;

    /// <summary>Begins it.</summary>
    /// <param name="endpoint">The cluster, or its gateway.</param>
    /// <param name="patience">How long an operation may wait.</param>
    /// <param name="directory">Where its files are; no other load's.</param>
    /// <param name="isOnlyDoor">Whether nobody else stands at the endpoint, so that its return is waited for as long.</param>
    public SteadyLoad(string endpoint, TimeSpan patience, string directory = "/load", bool isOnlyDoor = false)
    {
        _directory = directory;
        var options = new BigFsClientOptions
        {
            Endpoint = new Uri(endpoint),
            OperationTimeout = patience,
            StallTimeout = patience,
        };
        options.ConnectTimeout = isOnlyDoor ? patience : options.ConnectTimeout;
        _client = new BigFsClient(options);
        _loops = [RunAsync("upload", UploadAsync, 1), RunAsync("upload", UploadAsync, 2), RunAsync("download", DownloadAsync, 3), RunAsync("list", ListAsync, 4)];
    }

    /// <summary>What was acknowledged.</summary>
    public AcknowledgementLog Log { get; } = new();

    /// <summary>The operations that failed.</summary>
    public ConcurrentQueue<string> Failures { get; } = [];

    /// <summary>Operations that succeeded so far.</summary>
    public int Succeeded => _times.Count;

    /// <summary>Forgets the times so far and returns the longest in seconds, over all kinds.</summary>
    public double TakeLongest()
    {
        double longest = 0;
        while (_times.TryTake(out (string Operation, double Seconds) one))
        {
            longest = Math.Max(longest, one.Seconds);
        }

        return longest;
    }

    /// <summary>Returns when every kind of operation succeeded once more.</summary>
    public async Task NextRoundAsync(TimeSpan deadline)
    {
        var seen = _times.ToArray().CountBy(one => one.Operation).ToDictionary();
        await Eventually.TrueAsync(
            () => new[] { "upload", "download", "list" }.All(
                kind => _times.Count(one => one.Operation == kind) > seen.GetValueOrDefault(kind)),
            "an upload, a download and a list",
            deadline);
    }

    /// <summary>Ends the load when what is in hand has ended, and checks what was acknowledged.</summary>
    public async Task FinishAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        await Log.VerifyAsync(_client);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        await _client.DisposeAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(string kind, Func<Random, int, Task> operation, int loop)
    {
        var random = new Random(ScenarioLevel.Seed + loop);
        while (!_stop.IsCancellationRequested)
        {
            long began = Stopwatch.GetTimestamp();
            try
            {
                await operation(random, loop);
                _times.Add((kind, Stopwatch.GetElapsedTime(began).TotalSeconds));
            }
            catch (Exception failure) when (failure is BigFsException or IOException)
            {
                Failures.Enqueue($"{kind} after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s: {failure.Message}");
            }

            await Task.Delay(Pace, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task UploadAsync(Random random, int loop)
    {
        // Each loop writes paths of its own, so that a path has one writer at a time.
        int number = Interlocked.Increment(ref _writes);
        BigFsPath path = $"{_directory}/{loop}-{random.Next(Paths)}";
        var content = new WrittenContent(number, random.Next(LargestFile));
        Log.Begin(path, content);
        await using Stream source = content.Open();
        await _client.UploadAsync(path, source);
        Log.Acknowledge(path, content);
    }

    private async Task DownloadAsync(Random random, int loop)
    {
        BigFsPath path = $"{_directory}/{random.Next(1, 3)}-{random.Next(Paths)}";
        if (await _client.FindAsync(path) is null)
        {
            return;
        }

        await using BigFsReadStream content = await _client.OpenReadAsync(path);
        await WrittenContent.ReadAsync(content, content.File.Size, path.ToString());
    }

    private async Task ListAsync(Random random, int loop)
    {
        await foreach (BigFsEntry entry in _client.ListAsync("/"))
        {
            Assert.That(entry.Path.Name, Is.EqualTo("load"));
        }
    }
}

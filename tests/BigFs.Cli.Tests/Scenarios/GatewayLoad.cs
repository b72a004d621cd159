using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// Uploads, downloads and lists by plain HTTP through a gateway at a steady, low rate, with a log of what was acknowledged. What a
/// gateway that is away refuses or cuts is counted apart: plain HTTP has nobody who tries again.
/// </summary>
internal sealed class GatewayLoad : IAsyncDisposable
{
    private const int Paths = 12;
    private const int LargestFile = 300_000;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(80);

    private readonly HttpClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _loops;
    private int _succeeded, _away, _writes;

    public GatewayLoad(string gateway, TimeSpan patience)
    {
        _client = new HttpClient { BaseAddress = new Uri(gateway), Timeout = patience };
        _loops = [RunAsync("upload", UploadAsync, 11), RunAsync("download", DownloadAsync, 12), RunAsync("list", ListAsync, 13)];
    }

    /// <summary>What was acknowledged.</summary>
    public AcknowledgementLog Log { get; } = new();

    /// <summary>The operations that failed while the gateway was there.</summary>
    public ConcurrentQueue<string> Failures { get; } = [];

    /// <summary>Operations that succeeded so far.</summary>
    public int Succeeded => Volatile.Read(ref _succeeded);

    /// <summary>Operations that a gateway refused or cut while it was away.</summary>
    public int Away => Volatile.Read(ref _away);

    /// <summary>Whether the gateway is being ended or started.</summary>
    public bool IsGatewayAway { get; set; }

    /// <summary>Returns when another operation succeeded.</summary>
    public async Task NextAsync(TimeSpan deadline)
    {
        int before = Succeeded;
        await Eventually.TrueAsync(() => Succeeded > before, "an operation by HTTP", deadline);
    }

    /// <summary>Ends the load when what is in hand has ended, and checks what was acknowledged.</summary>
    public async Task FinishAsync(IBigFsClient client)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        await Log.VerifyAsync(client);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(string kind, Func<Random, Task> operation, int loop)
    {
        var random = new Random(ScenarioLevel.Seed + loop);
        while (!_stop.IsCancellationRequested)
        {
            bool wasAway = IsGatewayAway;
            try
            {
                await operation(random);
                Interlocked.Increment(ref _succeeded);
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException)
            {
                if (wasAway || IsGatewayAway)
                {
                    Interlocked.Increment(ref _away);
                }
                else
                {
                    Failures.Enqueue($"{kind} by HTTP: {failure.Message}");
                }
            }

            await Task.Delay(Pace, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task UploadAsync(Random random)
    {
        BigFsPath path = $"/load/http-{random.Next(Paths)}";
        var content = new WrittenContent(1_000_000 + Interlocked.Increment(ref _writes), random.Next(LargestFile));
        Log.Begin(path, content);
        await using Stream source = content.Open();
        using HttpResponseMessage answer = await _client.PutAsync($"v1/files{path}", new StreamContent(source));
        answer.EnsureSuccessStatusCode();
        Log.Acknowledge(path, content);
    }

    private async Task DownloadAsync(Random random)
    {
        string path = $"/load/http-{random.Next(Paths)}";
        using HttpResponseMessage answer = await _client.GetAsync($"v1/files{path}", HttpCompletionOption.ResponseHeadersRead);
        if (answer.StatusCode != HttpStatusCode.NotFound)
        {
            answer.EnsureSuccessStatusCode();
            await using Stream content = await answer.Content.ReadAsStreamAsync();
            await WrittenContent.ReadAsync(content, answer.Content.Headers.ContentLength!.Value, path);
        }
    }

    private async Task ListAsync(Random random)
    {
        using HttpResponseMessage answer = await _client.GetAsync("v1/list/");
        answer.EnsureSuccessStatusCode();
        await using Stream content = await answer.Content.ReadAsStreamAsync();
        using JsonDocument list = await JsonDocument.ParseAsync(content);
        Assert.That(list.RootElement.ValueKind, Is.EqualTo(JsonValueKind.Object));
    }
}

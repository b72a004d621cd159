using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace BigFs.Benchmarks;

/// <summary>
/// Files up to a gateway and down from it by plain HTTP/1.1, as an application without the SDK would: the third column of
/// <c>benchmarks/gateway.sh</c>.
/// </summary>
internal sealed class HttpTransfer : IDisposable
{
    private const int Pattern = 4 << 20;

    private readonly byte[] _pattern = new byte[Pattern];
    private readonly HttpClient _client;
    private readonly long _bytes;

    private HttpTransfer(Uri folder, long bytes)
    {
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            BaseAddress = folder,
            Timeout = TimeSpan.FromMinutes(5),
        };
        _bytes = bytes;
        new Random(20260131).NextBytes(_pattern);
    }

    /// <summary>Puts or gets so many files so often, after as many seconds of the same unmeasured, and prints a line.</summary>
    /// <param name="arguments">"put" or "get", "http://host:port/v1/files/folder/", bytes, files, callers, seconds, passes.</param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is not [("put" or "get") and string operation, string folder, string bytesText, string filesText, string callersText, string secondsText, string passesText]
            || !Uri.TryCreate(folder, UriKind.Absolute, out Uri? address)
            || !long.TryParse(bytesText, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)
            || !int.TryParse(filesText, NumberStyles.None, CultureInfo.InvariantCulture, out int files)
            || !int.TryParse(callersText, NumberStyles.None, CultureInfo.InvariantCulture, out int callers)
            || !double.TryParse(secondsText, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)
            || !int.TryParse(passesText, NumberStyles.None, CultureInfo.InvariantCulture, out int passes))
        {
            await Console.Error.WriteLineAsync("http put|get FOLDER-URL BYTES FILES CALLERS WARM-UP-SECONDS PASSES");
            return 2;
        }

        using var run = new HttpTransfer(address, bytes);
        Func<int, Task> one = operation == "put" ? run.PutAsync : run.GetAsync;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; i++)
        {
            await one(i % files);
        }

        int all = files * passes;
        int next = -1;
        start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(async _ =>
        {
            for (int number = Interlocked.Increment(ref next); number < all; number = Interlocked.Increment(ref next))
            {
                await one(number % files);
            }
        }));
        double rate = bytes * all / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{operation} {rate:0.0} MB/s"));
        return 0;
    }

    public void Dispose() => _client.Dispose();

    private async Task PutAsync(int number)
    {
        using var content = new PatternContent(_pattern, _bytes);
        using HttpResponseMessage answer = await _client.PutAsync(Name(number), content);
        answer.EnsureSuccessStatusCode();
    }

    private async Task GetAsync(int number)
    {
        using HttpResponseMessage answer = await _client.GetAsync(Name(number), HttpCompletionOption.ResponseHeadersRead);
        answer.EnsureSuccessStatusCode();
        await using Stream body = await answer.Content.ReadAsStreamAsync();
        byte[] buffer = new byte[1 << 20];
        long total = 0;
        while (await body.ReadAsync(buffer) is > 0 and int count)
        {
            total += count;
        }

        if (total != _bytes)
        {
            throw new InvalidDataException($"{total} bytes came instead of {_bytes}.");
        }
    }

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"{number}");

    /// <summary>A body of known length that repeats a pattern.</summary>
    private sealed class PatternContent(byte[] pattern, long bytes) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            const int piece = 256 << 10;
            for (long sent = 0; sent < bytes;)
            {
                int at = (int)(sent % pattern.Length);
                int count = (int)Math.Min(Math.Min(piece, pattern.Length - at), bytes - sent);
                await stream.WriteAsync(pattern.AsMemory(at, count));
                sent += count;
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = bytes;
            return true;
        }
    }
}

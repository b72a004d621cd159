using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Hosting.Gateway.Content;

/// <summary>
/// Tells the caller of an upload what is safe so far, beside the upload and never ahead of it: numbers that come while one is on
/// its way are told as one.
/// </summary>
/// <param name="answers">The way to the caller.</param>
/// <param name="load">Told the same, at once.</param>
internal sealed class Acknowledgements(IServerStreamWriter<UploadAnswer> answers, IProgress<long> load) : IProgress<long>, IAsyncDisposable
{
    private readonly SemaphoreSlim _news = new(0);
    private Task _telling = Task.CompletedTask;
    private long _safe;
    private volatile bool _ended;

    /// <summary>Tells that the upload is accepted; once, before any number.</summary>
    public async Task AcceptAsync()
    {
        await answers.WriteAsync(new UploadAnswer
        {
            Accepted = new UploadAccepted { Protocol = ContentMethods.Version, MostDataBytes = ContentMethods.MaxDataBytes },
        });
        _telling = TellAsync();
    }

    /// <summary>Notes how much is safe; returns at once.</summary>
    public void Report(long value)
    {
        load.Report(value);
        Volatile.Write(ref _safe, value);
        _news.Release();
    }

    /// <summary>Tells no more; returns when nothing is on its way, and the stream is the caller's again.</summary>
    public async Task EndAsync()
    {
        _ended = true;
        _news.Release();
        await _telling;
    }

    public async ValueTask DisposeAsync()
    {
        _ended = true;
        _news.Release();
        await _telling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _news.Dispose();
    }

    private async Task TellAsync()
    {
        long told = 0;
        while (true)
        {
            await _news.WaitAsync();
            long safe = Volatile.Read(ref _safe);
            if (_ended)
            {
                return;
            }

            if (safe > told)
            {
                told = safe;
                await answers.WriteAsync(new UploadAnswer { Acknowledged = safe });
            }
        }
    }
}

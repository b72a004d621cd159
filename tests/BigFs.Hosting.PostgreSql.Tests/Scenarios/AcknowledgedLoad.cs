using System.Collections.Concurrent;
using System.Diagnostics;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Tests.Metadata;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Scenarios;

/// <summary>
/// Callers that make files and rename a file of their own again and again, through one or several metadata servers, each
/// call repeated under its operation id until it is answered; and the log, outside of everything, of what was acknowledged.
/// A file must not be there before it is made and a name not gone before it is renamed: so a call that is applied twice, or
/// whose acknowledged predecessor was lost, is refused, and that is kept.
/// </summary>
internal sealed class AcknowledgedLoad : IAsyncDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly IReadOnlyList<IMetadataStore> _servers;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<BigFsPath, BigFsVersion> _made = new();
    private readonly ConcurrentDictionary<int, int> _renamed = new();
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly Task[] _callers;
    private long _acknowledged;

    public AcknowledgedLoad(IReadOnlyList<IMetadataStore> servers, int callers)
    {
        _servers = servers;
        _callers = [.. Enumerable.Range(0, callers).Select(caller => Task.Run(() => RunAsync(caller)))];
    }

    /// <summary>How many calls were acknowledged.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>Waits until some calls more are acknowledged; how long that took.</summary>
    public async Task<TimeSpan> MoreAsync(int calls)
    {
        long began = Stopwatch.GetTimestamp(), wanted = Acknowledged + calls;
        await Uploads.UntilAsync(() => Task.FromResult(Acknowledged >= wanted || !_wrong.IsEmpty), $"{calls} calls more are acknowledged");
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Stops the callers, each after its call, and compares the namespace with the log.</summary>
    public async Task VerifyAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_callers);
        Assert.That(_wrong, Is.Empty);
        foreach (IMetadataStore server in _servers)
        {
            var found = new Dictionary<BigFsPath, BigFsVersion>();
            string after = "";
            while (true)
            {
                MetadataPage page = await server.ListAsync(
                    new MetadataListRequest { Directory = "/made", Recursive = true, After = after, Limit = 5000 }, None);
                foreach (BigFsFile file in page.Entries.OfType<BigFsFile>())
                {
                    found.Add(file.Path, file.Version);
                }

                if (page.Next is null)
                {
                    break;
                }

                after = page.Next;
            }

            Assert.That(_made.Where(one => !found.TryGetValue(one.Key, out BigFsVersion version) || version != one.Value), Is.Empty, "lost");
            Assert.That(found.Keys.Where(path => !_made.ContainsKey(path)), Is.Empty, "nobody was told");
            foreach ((int caller, int name) in _renamed)
            {
                Assert.That(await server.NamesAsync($"/renamed/{caller}"), Is.EqualTo(new[] { $"{name}" }));
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_callers);
        _stop.Dispose();
    }

    private async Task RunAsync(int caller)
    {
        IMetadataStore server = _servers[caller % _servers.Count];
        if (!await AnsweredAsync(server, () => new CommitFileRequest
        {
            Operation = Guid.CreateVersion7(),
            Path = $"/renamed/{caller}/0",
            Size = 0,
            Crc32C = 0,
            Precondition = Uploads.Absent,
        }))
        {
            return;
        }

        for (int i = 0; !_stop.IsCancellationRequested; i++)
        {
            BigFsPath path = $"/made/{caller}/{i}";
            BigFsFile? file = null;
            var make = new CommitFileRequest
            {
                Operation = Guid.CreateVersion7(),
                Path = path,
                Size = 0,
                Crc32C = 0,
                Precondition = Uploads.Absent,
            };
            if (!await RepeatedAsync(async () => file = await server.CommitFileAsync(make, None), path))
            {
                return;
            }

            _made[path] = file!.Version;
            var rename = new MoveRequest
            {
                Operation = Guid.CreateVersion7(),
                Source = $"/renamed/{caller}/{i}",
                Destination = $"/renamed/{caller}/{i + 1}",
            };
            if (!await RepeatedAsync(async () => await server.MoveAsync(rename, None), rename.Source))
            {
                return;
            }

            _renamed[caller] = i + 1;
        }
    }

    private async Task<bool> AnsweredAsync(IMetadataStore server, Func<CommitFileRequest> request)
    {
        CommitFileRequest once = request();
        return await RepeatedAsync(async () => await server.CommitFileAsync(once, None), once.Path);
    }

    /// <summary>Calls again under the same operation id until there is an answer; false when that is a refusal.</summary>
    private async Task<bool> RepeatedAsync(Func<Task> call, BigFsPath path)
    {
        while (true)
        {
            try
            {
                await call();
                Interlocked.Increment(ref _acknowledged);
                return true;
            }
            catch (BigFsException exception) when (exception.Code is BigFsErrorCode.Unavailable or BigFsErrorCode.TimedOut)
            {
                // Nobody knows whether it was done: once more.
            }
            catch (BigFsException exception)
            {
                _wrong.Enqueue($"{path}: {exception.Code} {exception.Message}");
                return false;
            }
        }
    }
}

namespace BigFs.Faults.Tests;

/// <summary>
/// Rounds on one database: a metadata server under load dies, at a named point or at any moment, is started again and
/// looked at. The oracle is outside of it.
/// </summary>
/// <param name="directory">The database's folder; empty at first.</param>
/// <param name="seed">Of all choices.</param>
/// <param name="canary">Which promise the servers break; null: none.</param>
internal sealed class MetadataKills(string directory, int seed, string? canary = null) : IAsyncDisposable
{
    private const int OperationsOfEach = 400;

    /// <summary>Long enough that none expires, and so short that some do.</summary>
    private static readonly TimeSpan LongSession = TimeSpan.FromMinutes(5), ShortSession = TimeSpan.FromMilliseconds(150);

    private readonly Random _random = new(seed);
    private readonly List<string> _findings = [];
    private MetadataRound? _last;
    private MetadataProcess? _server;
    private TimeSpan _ahead;
    private int _number;

    /// <summary>What was wrong.</summary>
    public IReadOnlyList<string> Findings => _findings;

    public int Kills { get; private set; }

    public int Acknowledged { get; private set; }

    public int Uncertain { get; private set; }

    public int Retried { get; private set; }

    public int Undecided { get; private set; }

    /// <summary>One round that ends at a moment drawn by lot.</summary>
    public async Task KillAnywhereAsync()
    {
        MetadataProcess server = _server ??= await StartAsync(null, NextSession());
        int lives = _random.Next(1, 120);
        int killed = 0;
        MetadataRound round = NextRound();
        await round.LoadAsync(server, int.MaxValue, acknowledged =>
        {
            if (acknowledged >= lives && Interlocked.Exchange(ref killed, 1) == 0)
            {
                // Beside the clients: what they have under way is cut off wherever it is.
                _ = Task.Run(server.Kill);
            }
        });
        await server.GoneAsync();
        await AuditAsync(round);
    }

    /// <summary>
    /// One round that ends at the n-th time that the point is reached; false when the load came to its end before, and the
    /// server was stopped then.
    /// </summary>
    public async Task<bool> KillAtAsync(string point, int times)
    {
        await StopServerAsync();
        _server = await StartAsync($"{point}:{times}", NextSession());
        MetadataRound round = NextRound();
        if (_server.IsServing)
        {
            await round.LoadAsync(_server, OperationsOfEach, _ => { });
        }

        bool isKilled = await StopServerAsync();
        await AuditAsync(round);
        return isKilled;
    }

    /// <summary>
    /// One round whose server is killed after it, and whose next start is killed again at a point of starting, with a
    /// clock that is ahead by more than anything is kept.
    /// </summary>
    public async Task<bool> KillAtStartAsync(string point)
    {
        await KillAnywhereAsync();
        await StopServerAsync();
        _ahead += TimeSpan.FromHours(3);
        _server = await StartAsync($"{point}:1", LongSession);
        bool isKilled = _server.IsServing ? await DiesAsync(_server) : _server.IsKilled;
        await StopServerAsync();
        _server = await StartAsync(null, LongSession);
        _findings.AddRange(await _last!.AuditAgainAsync(_server));
        return isKilled;
    }

    public async ValueTask DisposeAsync() => await StopServerAsync();

    private static async Task<bool> DiesAsync(MetadataProcess server)
    {
        // What is past its time goes at the start; the server may have said that it serves a moment before.
        Task gone = server.GoneAsync();
        return await Task.WhenAny(gone, Task.Delay(TimeSpan.FromSeconds(10))) == gone && server.IsKilled;
    }

    private async Task AuditAsync(MetadataRound round)
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _server = await StartAsync(null, NextSession());
        IReadOnlyList<string> findings =
            _server.IsServing ? await round.AuditAsync(_server, directory) : ["the server does not start again"];
        _findings.AddRange(findings.Select(finding => $"round {_number}: {finding}"));
        Kills++;
        Acknowledged += round.Acknowledged;
        Uncertain += round.Uncertain;
        Retried += round.Retried;
        Undecided += round.Undecided;
        round.Forget();
        _last = round;
    }

    private MetadataRound NextRound() => new(++_number, _random.Next(), _last);

    private TimeSpan NextSession() => _random.Next(3) == 0 ? ShortSession : LongSession;

    private Task<MetadataProcess> StartAsync(string? point, TimeSpan session) =>
        MetadataProcess.StartAsync(directory, point, canary, _ahead, session);

    /// <summary>Ends the server, if there is one, and says whether it was killed before.</summary>
    private async Task<bool> StopServerAsync()
    {
        if (_server is not { } server)
        {
            return false;
        }

        _server = null;
        await using (server)
        {
            bool isClean = await server.StopAsync();
            return isClean ? false : server.IsKilled ? true : throw new AssertionException("the server ended by itself");
        }
    }
}

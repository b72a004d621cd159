using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Tests.Metadata.Histories;

namespace BigFs.Faults.Tests;

/// <summary>
/// A load of several clients on a directory of its own, and the look at what is left of it after the server died. All that
/// the clients asked for and were told is kept here, outside of the server. What is wrong comes back as sentences.
/// </summary>
/// <param name="number">Its number; no two rounds on a database have the same.</param>
/// <param name="seed">Of its choices.</param>
/// <param name="former">The round before, whose directory this one deletes; null for the first.</param>
internal sealed class MetadataRound(int number, int seed, MetadataRound? former)
{
    private const int Clients = 4;

    /// <summary>Who looks at what is left.</summary>
    private const int Auditor = 99;

    private static readonly BigFsPath Root = BigFsPath.Root;

    private readonly History _history = new();
    private readonly ChunkLog _log = new(((ulong)number << 20) + 1);
    private readonly Random _random = new(seed);
    private readonly List<string> _findings = [];
    private readonly MakeDirectoryCall _making = new(Root / $"r{number}");
    private readonly DeleteCall? _deleting = former is null ? null : new DeleteCall(former.Place, Recursive: true, null);
    private MetadataRound? _former = former;
    private NamespaceTree _end = NamespaceTree.Empty;

    /// <summary>Where it works.</summary>
    public BigFsPath Place => _making.Path;

    /// <summary>Changes that were acknowledged.</summary>
    public int Acknowledged => _history.Acknowledged;

    /// <summary>Changes of which nobody knew whether they had happened when the server was gone.</summary>
    public int Uncertain { get; private set; }

    /// <summary>How many of them were asked for again after the restart.</summary>
    public int Retried { get; private set; }

    /// <summary>Searches that were given up.</summary>
    public int Undecided { get; private set; }

    /// <summary>Lets the clients work until the server is gone or each has done so many operations.</summary>
    /// <param name="server">The server.</param>
    /// <param name="operations">Operations of each client.</param>
    /// <param name="acknowledged">Called before each operation with the number of acknowledged changes.</param>
    public async Task LoadAsync(MetadataProcess server, int operations, Action<int> acknowledged)
    {
        IMetadataStore first = server.NewClient();
        if (await first.TrySendAsync(_making) is null)
        {
            return;
        }

        ClientLoad[] clients =
        [
            .. Enumerable.Range(0, Clients).Select(
                client => new ClientLoad(server.NewClient(), _history, _log, Place, client, _random.Next())),
        ];
        Task deleted = _deleting is null ? Task.CompletedTask : first.TrySendAsync(_deleting);
        await Task.WhenAll(clients.Select(client => RunAsync(client, operations, acknowledged)).Append(deleted));
        _findings.AddRange(clients.SelectMany(client => client.Findings));
    }

    /// <summary>
    /// Looks at what is left, when the server is there again: sends some of the operations anew whose answers were lost,
    /// reads everything, and compares history, answers and the database's rows.
    /// </summary>
    /// <param name="server">The server.</param>
    /// <param name="directory">Where its SQLite database is, whose rows are read beside it; null for another engine's.</param>
    public async Task<IReadOnlyList<string>> AuditAsync(MetadataProcess server, string? directory)
    {
        IMetadataStore store = server.NewClient();
        await ExpectAsync(store, _making, Answer.Done);
        await RetryAsync(store);
        await ReadAllAsync(store, _history);
        CheckHistory();
        if (_deleting is not null)
        {
            Check(await store.TrySendAsync(_deleting) is { Refusal: null }, $"{_deleting} is refused");
            await ExpectAsync(store, new FindCall(_deleting.Path), Answer.Done);
        }

        if (directory is null)
        {
            return _findings;
        }

        MetadataRows rows = await MetadataRows.ReadWhenPurgedAsync(directory);
        _findings.AddRange(rows.Findings);
        CheckChunks(rows);
        if (_former is not null)
        {
            CheckBuried(rows, _former._end.Bodies);
        }

        return _findings;
    }

    /// <summary>Lets go of the round before, which is gone.</summary>
    public void Forget() => _former = null;

    /// <summary>Looks again, later: nothing has changed since the audit.</summary>
    public async Task<IReadOnlyList<string>> AuditAgainAsync(MetadataProcess server)
    {
        var reads = new History();
        await ReadAllAsync(server.NewClient(), reads);
        Linearizability verdict = new LinearizabilityChecker().Check(reads.Events, _end, out _, out string explanation);
        return verdict == Linearizability.Holds ? [] : [explanation];
    }

    private Task RunAsync(ClientLoad client, int operations, Action<int> acknowledged)
    {
        int left = operations;
        return client.RunAsync(() =>
        {
            acknowledged(_history.Acknowledged);
            return left-- > 0;
        });
    }

    private async Task RetryAsync(IMetadataStore store)
    {
        foreach (HistoryEvent open in _history.Events.Where(one => one is { Answer: null, Call: not (FindCall or ListCall) }))
        {
            Uncertain++;
            if (_random.Next(2) == 0)
            {
                Retried++;
                Answer? answer = await store.TrySendAsync(open.Call);
                Check(answer is not null, $"{open.Call} gets no answer");
                _history.Return(open, answer);
                Answer? again = answer?.Refusal is null ? await store.TrySendAsync(open.Call) : answer;
                Check(answer is null || again?.IsSame(answer) == true, $"{open} was answered \"{again}\" when it came once more");
            }
        }
    }

    private async Task ReadAllAsync(IMetadataStore store, History history)
    {
        foreach (BigFsPath path in ClientLoad.Universe(Place))
        {
            foreach (Call call in (Call[])[new FindCall(path), new ListCall(path)])
            {
                HistoryEvent read = history.Invoke(Auditor, call);
                history.Return(read, await store.TrySendAsync(call));
                Check(read.Answer is not null, $"{call} gets no answer");
            }
        }
    }

    private void CheckHistory()
    {
        NamespaceTree start = NamespaceTree.Empty.WithDirectory(Place);
        var parts = new List<NamespaceTree>();
        foreach (IGrouping<BigFsPath, HistoryEvent> part in HistoryParts.Split(_history.Events, Place))
        {
            Linearizability verdict =
                new LinearizabilityChecker().Check(part, start, out NamespaceTree end, out string explanation);
            Undecided += verdict == Linearizability.Undecided ? 1 : 0;
            Check(verdict != Linearizability.Violated, $"{part.Key}: {explanation}");
            parts.Add(end);
        }

        _end = start.With(parts);
    }

    /// <summary>The chunks of one put share one fate, and it is the one that its writer was told.</summary>
    private void CheckChunks(MetadataRows rows)
    {
        var live = _end.Bodies.SelectMany(body => body.Manifest).Select(chunk => chunk.Key.Value).ToHashSet();
        var puts = _history.Events.Where(one => one.Call is PutCall).ToLookup(one => ((PutCall)one.Call).Body.Manifest);
        foreach (ImmutableArray<ChunkReference> chunks in _log.Tried)
        {
            int living = chunks.Count(chunk => live.Contains(chunk.Key.Value));
            int buried = chunks.Count(chunk => rows.Buried.Contains(chunk.Key.Value));
            int named = chunks.Count(chunk => rows.Named.Contains(chunk.Key.Value));
            string what = $"the chunks from {chunks[0].Key} on, {chunks.Length} in all: {living} live, {named} named, {buried} buried";
            Check(living == named, $"{what}: a file's chunks are not those of its rows");
            Check((living, buried) is (0, 0) || living + buried == chunks.Length && living * buried == 0, $"{what}: half there");
            bool isBuried = _log.IsBuried(chunks[0]);
            Check(!isBuried || buried == chunks.Length, $"{what}: an acknowledged abort is lost");
            Check(isBuried || puts[chunks].All(put => MayBe(put, living + buried)), $"{what}: not what its writer was told");
        }
    }

    private static bool MayBe(HistoryEvent put, int known) => put.Answer switch
    {
        null => true,
        { Refusal: null } => known > 0,
        _ => known == 0,
    };

    private void CheckBuried(MetadataRows rows, IEnumerable<FileBody> bodies)
    {
        int lost = bodies.SelectMany(body => body.Manifest).Count(chunk => !rows.Buried.Contains(chunk.Key.Value));
        Check(lost == 0, $"{lost} chunks of deleted files are to be deleted nowhere");
    }

    private async Task ExpectAsync(IMetadataStore store, Call call, Answer wanted)
    {
        Answer? answer = await store.TrySendAsync(call);
        Check(answer?.IsSame(wanted) == true && answer.Found == wanted.Found, $"{call} is answered \"{answer}\"");
    }

    private void Check(bool holds, string finding)
    {
        if (!holds)
        {
            _findings.Add(finding);
        }
    }
}

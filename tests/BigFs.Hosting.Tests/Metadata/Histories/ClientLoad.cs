using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>
/// One client that works on a store: it keeps to a few paths below a directory, so that clients meet, and notes in the
/// history what it asks for and what it is told. Seeded; how clients interleave is the machine's.
/// </summary>
/// <param name="store">What it works on.</param>
/// <param name="history">Where it notes everything.</param>
/// <param name="log">What it wrote in which put, for whoever compares chunks.</param>
/// <param name="directory">Where; it exists.</param>
/// <param name="client">Its number.</param>
/// <param name="seed">Of its choices.</param>
internal sealed class ClientLoad(
    IMetadataStore store, History history, ChunkLog log, BigFsPath directory, int client, int seed)
{
    /// <summary>Paths of their own, and small trees.</summary>
    public const int Files = 4;

    /// <summary>Small trees, in which entries are moved about and deleted together.</summary>
    public const int Trees = 2;

    /// <summary>The names within a tree.</summary>
    private static readonly string[] Names = ["a", "b"];

    private static readonly int[] ChunkCounts = [0, 1, 2, 3, 70];

    private readonly Random _random = new(seed);
    private readonly List<(BeginCall Begin, PutCall Put)> _sessions = [];
    private readonly List<BigFsVersion> _versions = [default];
    private Guid? _shared;

    /// <summary>Whether the last answer did not come: the server is gone.</summary>
    public bool IsCutOff { get; private set; }

    /// <summary>Answers to retries that differed from the first; must stay empty.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>The paths at which something may stand.</summary>
    public static IEnumerable<BigFsPath> Universe(BigFsPath directory)
    {
        IEnumerable<BigFsPath> trees = Enumerable.Range(0, Trees).Select(i => directory / $"t{i}");
        return
        [
            .. Enumerable.Range(0, Files).Select(i => directory / $"f{i}"),
            .. trees.SelectMany(tree => (IEnumerable<BigFsPath>)
            [
                tree, .. Names.SelectMany(one => (IEnumerable<BigFsPath>)[tree / one, .. Names.Select(two => tree / one / two)]),
            ]),
        ];
    }

    /// <summary>Works until told to stop, or cut off.</summary>
    public async Task RunAsync(Func<bool> goesOn)
    {
        while (goesOn() && !IsCutOff)
        {
            await StepAsync();
        }
    }

    /// <summary>One operation, and now and then its retry.</summary>
    private async Task StepAsync()
    {
        if (_shared is null)
        {
            var opening = new BeginSharedRequest(Guid.NewGuid(), 0);
            await UncertainAsync(async () => _shared = (await store.BeginSharedAsync(opening, None)).Id);
            return;
        }

        if (_sessions.Count > 0 && _random.Next(3) == 0)
        {
            await UseSessionAsync();
            return;
        }

        Call call = _random.Next(2) == 0 ? OnFile(directory / $"f{_random.Next(Files)}") : InTree(directory / $"t{_random.Next(Trees)}");
        Answer? answer = await SendAsync(call);
        if (answer?.Refusal == BigFsErrorCode.SessionExpired)
        {
            _shared = null;
        }
        else if (answer is { Refusal: null } && call is BeginCall begin)
        {
            _sessions.Add((begin, new PutCall(begin.Path, begin.Precondition, begin.Body, begin.Operation, IsUpload: true)));
        }
        else if (answer is { Refusal: null } && call is not (FindCall or ListCall) && _random.Next(4) == 0)
        {
            await RetryAsync(call, answer);
        }
    }

    private async Task UseSessionAsync()
    {
        (BeginCall begin, PutCall put) = Pick(_sessions);
        int dice = _random.Next(6);
        if (dice == 0)
        {
            await UncertainAsync(() => store.RenewUploadAsync(begin.Operation, None).AsTask());
            return;
        }

        _sessions.Remove((begin, put));
        if (dice == 1)
        {
            await AbortAsync(begin);
        }
        else if (await SendAsync(put) is { Refusal: null } answer && _random.Next(4) == 0)
        {
            await RetryAsync(put, answer);
        }
    }

    private Task AbortAsync(BeginCall begin)
    {
        ImmutableArray<ChunkReference> written = begin.Body.Manifest;
        log.Trying(written);
        return UncertainAsync(async () =>
        {
            await store.AbortUploadAsync(begin.Operation, written, None);
            log.Buried(written);
        });
    }

    /// <summary>What leaves no entry behind, and which may be refused because the session has expired.</summary>
    private async Task UncertainAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (BigFsException exception) when (exception.Code is BigFsErrorCode.Unavailable or BigFsErrorCode.TimedOut)
        {
            IsCutOff = true;
        }
        catch (BigFsException exception) when (exception.Code == BigFsErrorCode.SessionExpired)
        {
            // As it may be.
        }
    }

    private async Task<Answer?> SendAsync(Call call)
    {
        if (call is PutCall put)
        {
            log.Trying(put.Body.Manifest);
        }

        HistoryEvent sent = history.Invoke(client, call);
        Answer? answer = await store.TrySendAsync(call);
        history.Return(sent, answer);
        IsCutOff = answer is null;
        if ((answer?.Entry ?? answer?.Found?.Entry) is BigFsFile file)
        {
            _versions.Add(file.Version);
        }

        return answer;
    }

    /// <summary>An operation that was done is asked for again: it gets the same answer, whatever happened since.</summary>
    private async Task RetryAsync(Call call, Answer first)
    {
        Answer? again = await store.TrySendAsync(call);
        if (again is null)
        {
            IsCutOff = true;
        }
        else if (!again.IsSame(first))
        {
            Findings.Add($"{call} was answered \"{first}\", and when it came again \"{again}\"");
        }
    }

    private Call OnFile(BigFsPath path) => _random.Next(10) switch
    {
        < 4 => Put(path),
        < 5 => new BeginCall(path, Wanted(), log.NewBody(Count())),
        < 6 => new DeleteCall(path, false, _random.Next(2) == 0 ? Pick(_versions) : null),
        _ => new FindCall(path),
    };

    private Call InTree(BigFsPath tree)
    {
        BigFsPath path = Within(tree);
        return _random.Next(12) switch
        {
            < 3 => Put(path),
            < 4 => new BeginCall(path, Wanted(), log.NewBody(Count())),
            < 5 => new MakeDirectoryCall(path),
            < 6 => new DeleteCall(path, _random.Next(2) == 0, null),
            < 8 => new MoveCall(path, Within(tree), _random.Next(2) == 0),
            < 10 => new ListCall(path),
            _ => new FindCall(path),
        };
    }

    private BigFsPath Within(BigFsPath tree)
    {
        for (int depth = _random.Next(3); depth > 0; depth--)
        {
            tree /= Pick(Names);
        }

        return tree;
    }

    private PutCall Put(BigFsPath path) => _random.Next(4) switch
    {
        0 => new PutCall(path, Wanted(), log.NewInline(), Session: null, IsUpload: false),
        1 => new PutCall(path, Wanted(), log.NewBody(0), Session: null, IsUpload: false),
        _ => new PutCall(path, Wanted(), log.NewBody(Count()), _shared, IsUpload: false),
    };

    private Precondition Wanted() => _random.Next(4) switch
    {
        0 => Absent,
        1 => VersionIs(Pick(_versions)),
        _ => default,
    };

    private int Count() => Pick(ChunkCounts);

    private T Pick<T>(IReadOnlyList<T> all) => all[_random.Next(all.Count)];
}

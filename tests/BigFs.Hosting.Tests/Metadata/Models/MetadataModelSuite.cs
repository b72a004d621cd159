using System.Diagnostics;
using System.Globalization;
using BigFs.Core.Metadata;
using BigFs.Hosting.Tests.Metadata.Histories;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata.Models;

/// <summary>
/// Random sequences of operations do to an engine what they do to a model. A sequence that fails is made smaller and
/// printed with its seed (CsCheck_Seed replays it). BIGFS_MODEL_SEQUENCES sets how many there are of each kind; full is a
/// hundred thousand.
/// </summary>
internal abstract class MetadataModelSuite
{
    private const int StepsOfEach = 40;

    // Few names, so that paths meet; two spellings of one letter, and two whose order by bytes is not that by UTF-16.
    private static readonly string[] Names = ["a", "b", "\u00e9", "e\u0301", "\uffee", "\U0001f600"];

    private static readonly Gen<BigFsPath> Paths =
        Gen.Frequency((12, Gen.Int[0, 1]), (1, Gen.Int[2, 5])).Array[0, 3]
            .Select(names => BigFsPath.Parse("/" + string.Join('/', names.Select(name => Names[name]))));

    // An engine is opened again in about every tenth sequence: that costs as much as all its other steps.
    private static readonly Gen<ModelAct> Acts = Gen.Frequency(
        (199, Gen.Enum<ModelAct>().Where(act => act != ModelAct.Reopen)), (1, Gen.Const(ModelAct.Reopen)));

    private static readonly Gen<ModelStep> Steps =
        Gen.Select(Acts, Paths, Paths, Gen.Bool, Gen.Int[0, 11], Gen.Int[0, 4], Gen.Int[0, 11])
            .Select(one => new ModelStep(one.Item1, one.Item2, one.Item3, one.Item4, one.Item5, one.Item6, one.Item7));

    private static readonly Gen<Call[]> Lanes = Gen.Select(Gen.Int[0, 7], Paths, Paths, Gen.Bool, Gen.Int[0, 2]).Select(Parallel)
        .Array[1, 4];

    private int _sequences;

    /// <summary>How many sequences the short form runs.</summary>
    protected abstract int Short { get; }

    /// <summary>How many sequences run at once.</summary>
    protected virtual int Threads => 2;

    /// <summary>An engine for the n-th sequence.</summary>
    protected abstract Task<ModelEngine> NewAsync(int number);

    [Test]
    public async Task Sequences_of_operations_do_what_they_do_to_the_model()
    {
        long start = Stopwatch.GetTimestamp();
        int count = Count(1);
        await Steps.Array[1, StepsOfEach].SampleAsync(
            async steps =>
            {
                await using ModelEngine engine = await NewAsync(Interlocked.Increment(ref _sequences));
                await ModelRun.RunAsync(engine, steps);
            },
            iter: count,
            threads: Threads,
            print: steps => string.Join('\n', steps.AsEnumerable()));
        Tell(count, "sequences one operation at a time", start);
    }

    [Test]
    public async Task Operations_at_the_same_time_do_what_some_order_of_them_does_to_the_model()
    {
        long start = Stopwatch.GetTimestamp();
        int count = Count(2);
        int undecided = 0;
        await Lanes.Array[2, 3].SampleAsync(
            async lanes =>
            {
                await using ModelEngine engine = await NewAsync(Interlocked.Increment(ref _sequences));
                await ParallelAsync(engine, lanes, () => Interlocked.Increment(ref undecided));
            },
            iter: count,
            threads: Threads,
            print: lanes => string.Join("\n\n", lanes.Select(lane => string.Join('\n', lane.AsEnumerable()))));
        Tell(count, $"sequences at the same time, {undecided} undecided", start);
        Assert.That(undecided, Is.Zero);
    }

    private static Call Parallel((int Act, BigFsPath Path, BigFsPath Other, bool Flag, int Kind) one)
    {
        Precondition wanted = one.Kind == 1 ? Uploads.Absent : default;
        return one.Act switch
        {
            0 or 1 => new PutCall(one.Path, wanted, new ChunkLog(1).NewInline(), null, IsUpload: false),
            2 => new MakeDirectoryCall(one.Path),
            3 => new DeleteCall(one.Path, one.Flag, null),
            4 => new MoveCall(one.Path, one.Other, one.Flag),
            5 => new ListCall(one.Path),
            _ => new FindCall(one.Path),
        };
    }

    private static async Task ParallelAsync(ModelEngine engine, Call[][] lanes, Action undecided)
    {
        var log = new ChunkLog(engine.FirstKey);
        var history = new History();
        await engine.Store.MakeDirectoryAsync(engine.Place);
        using var start = new SemaphoreSlim(0);
        Task[] running = [.. lanes.Select((lane, client) => Task.Run(async () =>
        {
            await start.WaitAsync();
            foreach (Call call in lane)
            {
                await SendAsync(engine.Store, history, client, Within(engine.Place, call, log));
            }
        }))];
        start.Release(lanes.Length);
        await Task.WhenAll(running);
        foreach (BigFsPath path in lanes.SelectMany(lane => lane).SelectMany(PathsOf).Distinct())
        {
            await SendAsync(engine.Store, history, 99, new FindCall(Under(engine.Place, path)));
        }

        Linearizability verdict = new LinearizabilityChecker().Check(
            history.Events, NamespaceTree.Empty.WithDirectory(engine.Place), out _, out string explanation);
        Assert.That(verdict, Is.Not.EqualTo(Linearizability.Violated), explanation);
        if (verdict == Linearizability.Undecided)
        {
            undecided();
        }
    }

    private static async Task SendAsync(IMetadataStore store, History history, int client, Call call)
    {
        HistoryEvent sent = history.Invoke(client, call);
        history.Return(sent, await store.TrySendAsync(call));
    }

    private static BigFsPath[] PathsOf(Call call) => call switch
    {
        PutCall put => [put.Path],
        MakeDirectoryCall make => [make.Path],
        DeleteCall delete => [delete.Path],
        MoveCall move => [move.Source, move.Destination],
        ListCall list => [list.Directory],
        FindCall find => [find.Path],
        _ => [],
    };

    /// <summary>The call as it is sent: below the sequence's directory, under an id and with bytes of its own.</summary>
    private static Call Within(BigFsPath place, Call call, ChunkLog log)
    {
        Call within = call switch
        {
            PutCall put => put with { Path = Under(place, put.Path), Body = log.NewInline() },
            MakeDirectoryCall make => make with { Path = Under(place, make.Path) },
            DeleteCall delete => delete with { Path = Under(place, delete.Path) },
            MoveCall move => move with { Source = Under(place, move.Source), Destination = Under(place, move.Destination) },
            ListCall list => list with { Directory = Under(place, list.Directory) },
            FindCall find => find with { Path = Under(place, find.Path) },
            _ => call,
        };
        return within with { Operation = Guid.NewGuid() };
    }

    private static BigFsPath Under(BigFsPath place, BigFsPath path) => path.IsRoot ? place : place.ToString().TrimEnd('/') + path;

    private void Tell(int count, string what, long start) => TestContext.Out.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"FIGURE {GetType().Name}: {count} {what}, in {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s, 0 differ"));

    private int Count(int share) => Environment.GetEnvironmentVariable("BIGFS_MODEL_SEQUENCES") switch
    {
        null or "" => Short / share,
        "full" => 100_000,
        { } text => int.Parse(text, CultureInfo.InvariantCulture),
    };
}

using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Tests.Metadata.Histories;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata.Models;

/// <summary>Does one sequence of steps to an engine and to the model, and compares every answer and what is left.</summary>
internal sealed class ModelRun
{
    private static readonly int[] Counts = [0, 1, 2, 70];

    private static readonly TimeSpan[] Spans =
        [TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(6), TimeSpan.FromMinutes(61)];

    private readonly ModelEngine _engine;
    private readonly ChunkLog _log;
    private readonly MetadataModel _model;
    private readonly List<BigFsVersion> _versions = [];
    private readonly Dictionary<BigFsVersion, long> _dead = [];

    private ModelRun(ModelEngine engine)
    {
        _engine = engine;
        _log = new ChunkLog(engine.FirstKey);
        _model = new MetadataModel(NamespaceTree.Empty.WithDirectory(engine.Place));
    }

    private IMetadataStore Store => _engine.Store;

    /// <summary>Runs the steps; what differs is a failed assertion.</summary>
    public static async Task RunAsync(ModelEngine engine, IEnumerable<ModelStep> steps)
    {
        var run = new ModelRun(engine);
        await engine.Store.MakeDirectoryAsync(engine.Place);
        foreach (ModelStep step in steps)
        {
            run._model.Clock(engine.Time.GetUtcNow().UtcTicks);
            await run.StepAsync(step);
        }

        await run.CheckAllAsync();
    }

    private Task StepAsync(ModelStep step) => step.Act switch
    {
        ModelAct.Begin => SendAsync(new BeginCall(At(step.Path), Wanted(step), Body(step))),
        ModelAct.Commit => CommitAsync(step),
        ModelAct.CommitAgain => CommitAgainAsync(step),
        ModelAct.Abort => AbortAsync(step),
        ModelAct.Renew => RenewAsync(step),
        ModelAct.BeginShared => ShareAsync(),
        ModelAct.PutSmall => SendAsync(new PutCall(
            At(step.Path), Wanted(step), step.Flag ? _log.NewInline() : _log.NewBody(0), null, IsUpload: false)),
        ModelAct.PutUnderSession => PutUnderSessionAsync(step),
        ModelAct.AbortSmall => AbortSmallAsync(step),
        ModelAct.MakeDirectory => SendAsync(new MakeDirectoryCall(At(step.Path))),
        ModelAct.Delete => SendAsync(new DeleteCall(
            At(step.Path), step.Flag, step.Kind < 2 ? null : Wanted(step).Version)),
        ModelAct.Move => SendAsync(new MoveCall(At(step.Path), At(step.Other), step.Flag)),
        ModelAct.Copy => CopyAsync(step),
        ModelAct.RenewRead => RenewReadAsync(step),
        ModelAct.Find => SendAsync(new FindCall(At(step.Path))),
        ModelAct.List => ListAsync(step),
        ModelAct.Retry => RetryAsync(step),
        ModelAct.ReuseId => ReuseIdAsync(step),
        ModelAct.ClockForward => AdvanceAsync(Spans[step.Pick % Spans.Length]),
        ModelAct.ClockBack => AdvanceAsync(-TimeSpan.FromMinutes(2)),
        ModelAct.Reopen => ReopenAsync(),
        _ => throw new ArgumentOutOfRangeException(nameof(step), step, "an unknown step"),
    };

    private async Task<Answer> SendAsync(Call call)
    {
        NamespaceTree before = _model.Tree;
        Answer? answer = await Store.TrySendAsync(call);
        Assert.That(answer, Is.Not.Null, $"{call} gets no answer");
        Assert.That(_model.Takes(call, answer!), $"{call} was answered \"{answer}\" when there was {before}");
        NoteVersions(before);
        return answer!;
    }

    private async Task CommitAsync(ModelStep step)
    {
        if (Pick(_model.Sessions, step) is { } session)
        {
            BeginCall begin = session.Begin
                ?? new BeginCall(At(step.Path), default, _log.NewBody(1)); // A shared session is no upload's: refused.
            await SendAsync(new PutCall(begin.Path, begin.Precondition, begin.Body, session.Id, IsUpload: true));
        }
    }

    /// <summary>A commit, a change of the world, and the same commit again: the first answer, and nothing is changed.</summary>
    private async Task CommitAgainAsync(ModelStep step)
    {
        var begin = new BeginCall(At(step.Path), Wanted(step), Body(step));
        if ((await SendAsync(begin)).Refusal is not null)
        {
            return;
        }

        var put = new PutCall(begin.Path, begin.Precondition, begin.Body, begin.Operation, IsUpload: true);
        Answer first = await SendAsync(put);
        await SendAsync(new DeleteCall(At(step.Other), step.Flag, null));
        Assert.That((await Store.TrySendAsync(put))!.IsSame(first), $"{put} again");
    }

    private async Task AbortAsync(ModelStep step)
    {
        if (Pick(_model.Sessions, step) is { } session)
        {
            ImmutableArray<ChunkReference> written = _log.NewBody(Counts[step.Size % Counts.Length]).Manifest;
            if (_model.Abort(session, session.Begin?.Body.Manifest ?? written) is not null)
            {
                await Store.AbortUploadAsync(session.Id, session.Begin?.Body.Manifest ?? written, None);
            }
        }
    }

    private async Task RenewAsync(ModelStep step)
    {
        if (Pick(_model.Sessions, step) is { } session)
        {
            BigFsErrorCode? refusal = await RefusalAsync(() => Store.RenewUploadAsync(session.Id, None));
            Assert.That(refusal, Is.EqualTo(_model.Renew(session)), $"renewing {session.Id}");
        }
    }

    private async Task ShareAsync()
    {
        UploadSession session = await Store.BeginSharedAsync(new BeginSharedRequest(Guid.NewGuid(), 0), None);
        _model.Share(session.Id);
        Assert.That(session.TimeToLive, Is.EqualTo(MetadataModel.SessionLife));
    }

    private Task PutUnderSessionAsync(ModelStep step) => Pick(_model.Sessions, step) is { } session
        ? SendAsync(new PutCall(At(step.Path), Wanted(step), Body(step), session.Id, IsUpload: false))
        : Task.CompletedTask;

    private async Task AbortSmallAsync(ModelStep step)
    {
        var put = new PutCall(At(step.Path), default, Body(step), null, IsUpload: false);
        var abort = new AbortFileRequest { Operation = put.Operation, Written = put.Body.Manifest };
        await Store.AbortFileAsync(abort, None);
        _model.AbortSmall(put.Operation, put.Body.Manifest);
        await SendAsync(put with { Body = _log.NewBody(0) });
    }

    /// <summary>A file that names another's chunks, too: they go when both are gone.</summary>
    private async Task CopyAsync(ModelStep step)
    {
        (BigFsPath Path, FileBody Body)[] files = [.. _model.Tree.Files.Where(file => !file.Body.Manifest.IsEmpty)];
        if (Pick(files, step) is not { Body: { } body } || _model.Sessions.FindLast(one => one.Begin is null) is not { } session)
        {
            return;
        }

        FileBody copy = _log.NewBody(0) with { Manifest = body.Manifest, Size = body.Size };
        await SendAsync(new PutCall(At(step.Other), default, copy, session.Id, IsUpload: false));
        ulong key = body.Manifest[0].Key.Value;
        ChunkOwner[] owners =
        [
            .. _model.Tree.Files.Where(file => file.Body.Manifest.Any(chunk => chunk.Key.Value == key))
                .Select(file => new ChunkOwner(_model.Tree.Version(file.Path)!.Value, file.Path)),
        ];
        ChunkOwners found = (await Store.FindOwnersAsync([new ChunkKey(key)], None)).Single();
        Assert.That(found.Owners.Where(owner => owner.Path is not null), Is.EquivalentTo(owners), $"the owners of {found.Chunk}");
    }

    /// <summary>A version is leased while it stands, and so long after; only such with chunks have anything to lease.</summary>
    private async Task RenewReadAsync(ModelStep step)
    {
        if (_versions.Count == 0)
        {
            return;
        }

        BigFsVersion version = _versions[^(1 + (step.Pick % _versions.Count))];
        bool isDead = _dead.TryGetValue(version, out long due);
        BigFsErrorCode? expected = isDead && due <= _model.Now ? BigFsErrorCode.VersionExpired : null;
        BigFsErrorCode? refusal = await RefusalAsync(async () => await Store.RenewReadAsync(version, None));
        Assert.That(refusal, Is.EqualTo(expected), $"renewing the lease on {version}");
        if (isDead && refusal is null)
        {
            _dead[version] = _model.Now + MetadataModel.ReadLease.Ticks;
        }
    }

    /// <summary>What stands now, and what has gone by the last call and is leased from then on.</summary>
    private void NoteVersions(NamespaceTree before)
    {
        var now = Leased(_model.Tree);
        foreach (BigFsVersion version in now.Where(version => !_versions.Contains(version)))
        {
            _versions.Add(version);
        }

        foreach (BigFsVersion version in Leased(before).Except(now))
        {
            _dead.TryAdd(version, _model.Now + MetadataModel.ReadLease.Ticks);
        }
    }

    private static HashSet<BigFsVersion> Leased(NamespaceTree tree) =>
        [.. tree.Files.Where(file => !file.Body.Manifest.IsEmpty).Select(file => tree.Version(file.Path)!.Value)];

    private async Task ListAsync(ModelStep step)
    {
        BigFsPath directory = At(step.Path);
        string prefix = step.Flag ? step.Other.Name : "";
        bool isRecursive = step.Kind > 2;
        string after = step.Pick % 2 == 0 ? "" : isRecursive ? step.Other.ToString()[1..] : step.Other.Name;
        await SendAsync(new ListCall(directory, after, prefix, 1 + (step.Size % 3), isRecursive));
    }

    private async Task RetryAsync(ModelStep step)
    {
        if (Pick(_model.Kept, step) is { Call: not null } kept)
        {
            Answer again = (await Store.TrySendAsync(kept.Call))!;
            Assert.That(again.IsSame(kept.Answer), $"{kept.Call} was answered \"{kept.Answer}\", and again \"{again}\"");
        }
    }

    private async Task ReuseIdAsync(ModelStep step)
    {
        if (Pick(_model.Kept, step) is not { Call: { } first })
        {
            return;
        }

        Call? other = first switch
        {
            MoveCall => new DeleteCall(At(step.Path), true, null) { Operation = first.Operation },
            DeleteCall => new MoveCall(At(step.Path), At(step.Other), true) { Operation = first.Operation },
            MakeDirectoryCall => new PutCall(At(step.Path), default, _log.NewInline(), null, false) { Operation = first.Operation },
            PutCall { IsUpload: false } => new MakeDirectoryCall(At(step.Path)) { Operation = first.Operation },
            _ => null,
        };
        if (other is not null)
        {
            Assert.That((await Store.TrySendAsync(other))!.Refusal, Is.EqualTo(BigFsErrorCode.InvalidArgument), $"{other} after {first}");
        }
    }

    /// <summary>With a clock that has caught up: how far it was ahead is kept to within a second only.</summary>
    private async Task ReopenAsync()
    {
        CatchUp();
        await _engine.ReopenAsync();
        await AdvanceAsync(TimeSpan.FromMilliseconds(1));
    }

    private void CatchUp() => _engine.Time.Advance(TimeSpan.FromTicks(_model.Now - _engine.Time.GetUtcNow().UtcTicks));

    private async Task AdvanceAsync(TimeSpan span)
    {
        if (span > TimeSpan.Zero)
        {
            _engine.Time.Advance(span);

            // So that the database has seen how late it is, whatever becomes of the clock next.
            _model.Clock(_engine.Time.GetUtcNow().UtcTicks);
            await ShareAsync();
        }
        else
        {
            // Back, as an administrator sets it: the database's clock stands still meanwhile.
            _engine.Time.AdjustTime(_engine.Time.GetUtcNow() + span);
        }
    }

    private async Task CheckAllAsync()
    {
        _model.Clock(_engine.Time.GetUtcNow().UtcTicks);
        foreach (BigFsPath path in _model.Tree.Paths.Where(path => path == _engine.Place || path.IsBelow(_engine.Place)).ToArray())
        {
            await SendAsync(new FindCall(path));
            await SendAsync(new ListCall(path));
        }

        // Clocks that were set back have to catch up, and leases to end.
        CatchUp();
        _engine.Time.Advance(TimeSpan.FromMinutes(61));
        ulong[] expected = [.. _model.Buried];
        ulong[] due = [];
        await UntilAsync(
            async () => (due = await DueAsync()).Length >= expected.Length, $"the chunks to be deleted are due: {expected.Length}");
        Assert.That(due, Is.EqualTo(expected), "the chunks that are to be deleted");
    }

    private async Task<ulong[]> DueAsync() =>
    [
        .. (await ((ITombstoneQueue)Store).DueKeysAsync())
            .Where(key => key >= _engine.FirstKey && key - _engine.FirstKey < ModelEngine.Keys),
    ];

    private BigFsPath At(BigFsPath path) => path.IsRoot ? _engine.Place : _engine.Place.ToString().TrimEnd('/') + path;

    private Precondition Wanted(ModelStep step) => (step.Kind % 5) switch
    {
        1 => Absent,
        2 => VersionIs(_model.Tree.Version(At(step.Path)) ?? default),
        3 => VersionIs(new BigFsVersion(12345)),
        _ => default,
    };

    private FileBody Body(ModelStep step) => _log.NewBody(Counts[step.Size % Counts.Length]) with
    {
        Replicas = step.Act == ModelAct.Begin ? step.Pick % 4 : 0,
        Discarded = step.Flag && step.Act is ModelAct.Begin or ModelAct.PutUnderSession ? _log.NewBody(1).Manifest : [],
    };

    private static T? Pick<T>(IReadOnlyList<T> all, ModelStep step) => all.Count == 0 ? default : all[^(1 + (step.Pick % all.Count))];

    private static async Task<BigFsErrorCode?> RefusalAsync(Func<ValueTask> action)
    {
        try
        {
            await action();
            return null;
        }
        catch (BigFsException exception)
        {
            return exception.Code;
        }
    }
}

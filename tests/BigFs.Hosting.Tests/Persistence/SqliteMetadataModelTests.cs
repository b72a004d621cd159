using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Metadata;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Persistence;

/// <summary>Random operations do to the engine what they do to <see cref="NamespaceModel"/>; a failing seed is printed.</summary>
[TestFixture]
internal sealed class SqliteMetadataModelTests
{
    // Few names, so that paths meet.
    private static readonly Gen<BigFsPath> Paths =
        Gen.Char['a', 'b'].Array[0, 3].Select(names => BigFsPath.Parse("/" + string.Join('/', names)));

    private static readonly int[] Lengths = [0, 1, 2, 70];

    private static readonly Gen<Step> Steps =
        Gen.Select(Gen.Enum<Kind>(), Paths, Paths, Gen.Bool, Gen.Int[0, 3], Gen.Int[0, 3])
            .Select(one => new Step(one.Item1, one.Item2, one.Item3, one.Item4, one.Item5, Lengths[one.Item6]));

    private enum Kind
    {
        Put,
        PutAgain,
        MakeDirectory,
        Delete,
        Move,
        List,
    }

    [Test]
    public Task The_engine_does_what_the_model_does() =>
        Steps.Array[60].SampleAsync(RunAsync, iter: 60, threads: 2, print: steps => string.Join('\n', steps.AsEnumerable()));

    private static async Task RunAsync(Step[] steps)
    {
        var time = new FakeTimeProvider();
        await using SqliteMetadataStore store =
            await SqliteMetadataStore.OpenAsync(new SqliteMetadataOptions(), time, NullLogger.Instance, None);
        var model = new NamespaceModel();
        ulong nextKey = 1;
        foreach (Step step in steps)
        {
            await StepAsync(store, model, step, nextKey);
            nextKey += 100;
        }

        foreach (BigFsPath path in model.Paths)
        {
            MetadataEntry found = (await store.FindAsync(path))!;
            Assert.That((found.Entry as BigFsFile)?.Version, Is.EqualTo(model.Version(path)), path.ToString());
            Assert.That(
                found.Manifest.Select(chunk => chunk.Key), Is.EqualTo(model.IsFile(path) ? model.Chunks(path) : []));
            if (model.IsDirectory(path))
            {
                Assert.That(await store.NamesAsync(path), Is.EqualTo(model.Names(path)));
            }
        }

        time.Advance(TimeSpan.FromHours(1));
        await UntilAsync(async () => (await store.DueKeysAsync()).Length >= model.Buried.Count, "what is gone is due");
        Assert.That(await store.DueKeysAsync(), Is.EqualTo(model.Buried.Order()));
    }

    private static async Task StepAsync(IMetadataStore store, NamespaceModel model, Step step, ulong key)
    {
        switch (step.Kind)
        {
            case Kind.Put or Kind.PutAgain:
                await PutAsync(store, model, step, Chunks(key, step.Chunks));
                break;
            case Kind.MakeDirectory:
                Assert.That(
                    await RefusalAsync(async () => await store.MakeDirectoryAsync(step.Path)),
                    Is.EqualTo(model.MakeDirectory(step.Path)));
                break;
            case Kind.Delete:
                bool deleted = false;
                BigFsErrorCode? refusal =
                    await RefusalAsync(async () => deleted = await store.DeleteAsync(step.Path, step.Flag));
                Assert.That((refusal, deleted), Is.EqualTo(model.Delete(step.Path, step.Flag)));
                break;
            case Kind.Move:
                Assert.That(
                    await RefusalAsync(async () => await store.MoveAsync(step.Path, step.Other, step.Flag)),
                    Is.EqualTo(model.Move(step.Path, step.Other, step.Flag)));
                break;
            default:
                string[] names = [];
                await RefusalAsync(async () => names = await store.NamesAsync(step.Path));
                Assert.That(names, Is.EqualTo(model.IsDirectory(step.Path) ? model.Names(step.Path) : []));
                break;
        }
    }

    private static async Task PutAsync(
        IMetadataStore store, NamespaceModel model, Step step, ImmutableArray<ChunkReference> chunks)
    {
        Precondition wanted = step.Precondition switch
        {
            1 => Absent,
            2 => VersionIs(model.Version(step.Path) ?? default),
            3 => VersionIs(new BigFsVersion(12345)),
            _ => default,
        };
        UploadSession? session = null;
        BigFsErrorCode? refusal =
            await RefusalAsync(async () => session = await store.BeginAsync(step.Path, wanted));
        Assert.That(refusal, Is.EqualTo(model.CanPut(step.Path, wanted)));
        if (session is null)
        {
            return;
        }

        CommitUploadRequest commit = Commit(session.Id, chunks);
        BigFsFile file = await store.CommitUploadAsync(commit, None);
        if (step.Kind == Kind.PutAgain)
        {
            Assert.That((await store.CommitUploadAsync(commit, None)).Version, Is.EqualTo(file.Version));
        }

        model.Put(step.Path, file.Version, [.. chunks.Select(chunk => chunk.Key)]);
    }

    private static async Task<BigFsErrorCode?> RefusalAsync(Func<Task> action)
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

    private sealed record Step(Kind Kind, BigFsPath Path, BigFsPath Other, bool Flag, int Precondition, int Chunks);
}

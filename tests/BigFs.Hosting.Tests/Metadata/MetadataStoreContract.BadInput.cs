using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

internal abstract partial class MetadataStoreContract
{
    [Test]
    public async Task A_name_of_255_bytes_is_the_longest([Values("n", "\u00E9", "\U0001F600")] string letter)
    {
        int bytes = System.Text.Encoding.UTF8.GetByteCount(letter);
        string longest = string.Concat(Enumerable.Repeat(letter, 255 / bytes)) + new string('x', 255 % bytes);

        await Store.PutAsync("/" + longest, Chunk(1));
        await Refused(BigFsErrorCode.InvalidPath, async () => await Store.PutAsync("/" + longest + "x"), "256 bytes");

        Assert.That(await Store.NamesAsync("/"), Is.EqualTo([longest]));
        Assert.That(await Store.NamesAsync("/", after: longest), Is.Empty);
        await Store.MoveAsync("/" + longest, "/d/" + longest);
        Assert.That((await Store.FindAsync("/d/" + longest))!.Manifest, Is.EqualTo([Chunk(1)]));
    }

    [Test]
    public async Task A_path_of_256_levels_is_the_deepest()
    {
        string deepest = string.Concat(Enumerable.Repeat("/d", BigFsPath.MaxDepth));

        await Store.PutAsync(deepest, Chunk(1));
        await Refused(BigFsErrorCode.InvalidPath, async () => await Store.PutAsync(deepest + "/d"), "257 levels");

        Assert.That((await Store.FindAsync(deepest))!.Manifest, Is.EqualTo([Chunk(1)]));
    }

    [Test]
    public async Task What_is_no_unicode_is_no_name()
    {
        await Refused(BigFsErrorCode.InvalidPath, async () => await Store.PutAsync("/\uD800"), "Unicode");
        await Refused(BigFsErrorCode.InvalidArgument, async () => await Store.NamesAsync("/", after: "\uDC00"), "Unicode");
        await Refused(BigFsErrorCode.InvalidArgument, async () => await Store.NamesAsync("/", prefix: "a\uD800"), "Unicode");

        Assert.That(await Store.NamesAsync("/"), Is.Empty);
    }

    [Test]
    public async Task Two_spellings_of_a_letter_are_two_names()
    {
        await Store.PutAsync("/\u00E9", Chunk(1));
        await Store.PutAsync("/e\u0301", Chunk(2));

        Assert.That((await Store.FindAsync("/\u00E9"))!.Manifest, Is.EqualTo([Chunk(1)]));
        Assert.That((await Store.FindAsync("/e\u0301"))!.Manifest, Is.EqualTo([Chunk(2)]));
        await Store.DeleteAsync("/\u00E9");
        Assert.That(await Store.NamesAsync("/"), Is.EqualTo(["e\u0301"]));
    }

    [Test]
    public async Task A_precondition_that_contradicts_itself_is_refused_and_nothing_changes()
    {
        BigFsFile file = await Store.PutAsync("/f", Chunk(1));
        foreach (PreconditionKind kind in (PreconditionKind[])[PreconditionKind.None, PreconditionKind.Absent])
        {
            var conflict = new Precondition(kind, file.Version);

            await Refused(BigFsErrorCode.InvalidPrecondition, async () => await Store.BeginAsync("/f", conflict), "/f");
            await Refused(
                BigFsErrorCode.InvalidPrecondition,
                async () => await Store.CommitFileAsync(SmallFile("/f") with { Precondition = conflict }, None),
                file.Version.ToString());
        }

        Assert.That(((BigFsFile)(await Store.FindAsync("/f"))!.Entry).Version, Is.EqualTo(file.Version));
    }
}

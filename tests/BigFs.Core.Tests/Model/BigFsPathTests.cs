using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Model;

public sealed class BigFsPathTests
{
    [TestCase("/", "", "/")]
    [TestCase("/a", "a", "/")]
    [TestCase("/a/b c/ü", "ü", "/a/b c")]
    [TestCase("/...", "...", "/")]
    public void A_legal_path_keeps_its_text_name_and_parent(string text, string name, string parent)
    {
        BigFsPath path = text;
        Assert.Multiple(() =>
        {
            Assert.That(path.ToString(), Is.EqualTo(text));
            Assert.That(path.Name, Is.EqualTo(name));
            Assert.That(path.Parent.ToString(), Is.EqualTo(parent));
        });
    }

    [TestCase("", "start with '/'")]
    [TestCase("a/b", "start with '/'")]
    [TestCase("//", "empty segment")]
    [TestCase("/a//b", "empty segment")]
    [TestCase("/a/", "empty segment")]
    [TestCase("/a/../b", "\"..\"")]
    [TestCase("/.", "\".\"")]
    [TestCase("/a\0b", "NUL")]
    public void An_illegal_path_is_refused_with_the_rule_it_breaks(string text, string rule)
    {
        BigFsException error = Assert.Throws<BigFsException>(() => BigFsPath.Parse(text))!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.InvalidPath));
            Assert.That(error.Message, Does.Contain(rule));
            Assert.That(BigFsPath.TryParse(text, null, out _), Is.False);
        });
    }

    [Test]
    public void A_lone_surrogate_is_refused()
    {
        string text = "/" + (char)0xD800;
        Assert.That(() => BigFsPath.Parse(text), Throws.TypeOf<BigFsException>().With.Message.Contains("Unicode"));
    }

    [Test]
    public void Lengths_are_counted_in_bytes_of_UTF8()
    {
        Assert.Multiple(() =>
        {
            Assert.That(BigFsPath.TryParse("/" + new string('a', 255), null, out _));
            Assert.That(BigFsPath.TryParse("/" + new string('a', 256), null, out _), Is.False);
            Assert.That(BigFsPath.TryParse("/" + new string('ü', 127), null, out _));
            Assert.That(BigFsPath.TryParse("/" + new string('ü', 128), null, out _), Is.False);
            Assert.That(BigFsPath.TryParse(string.Concat(Enumerable.Repeat("/a", 256)), null, out _));
            Assert.That(BigFsPath.TryParse(string.Concat(Enumerable.Repeat("/a", 257)), null, out _), Is.False);
            Assert.That(BigFsPath.TryParse("/" + string.Join('/', Enumerable.Repeat(new string('a', 200), 21)), null, out _), Is.False);
        });
    }

    [Test]
    public void Composed_and_decomposed_names_are_two_names()
    {
        Assert.That((BigFsPath)"/\u00fc", Is.Not.EqualTo((BigFsPath)"/u\u0308"));
    }

    [Test]
    public void The_default_is_the_root_and_its_own_parent()
    {
        Assert.Multiple(() =>
        {
            Assert.That(default(BigFsPath).ToString(), Is.EqualTo("/"));
            Assert.That(BigFsPath.Root.Parent, Is.EqualTo(BigFsPath.Root));
            Assert.That(BigFsPath.Root, Is.EqualTo((BigFsPath)"/"));
            Assert.That((BigFsPath.Root / "a" / "b").ToString(), Is.EqualTo("/a/b"));
            Assert.That(() => BigFsPath.Root / "a/b", Throws.TypeOf<BigFsException>());
            Assert.That(() => BigFsPath.Root / "..", Throws.TypeOf<BigFsException>());
        });
    }

    [Test]
    public void A_path_lies_below_its_ancestors_only()
    {
        Assert.Multiple(() =>
        {
            Assert.That(((BigFsPath)"/a/b").IsBelow("/a"));
            Assert.That(((BigFsPath)"/a/b").IsBelow("/"));
            Assert.That(((BigFsPath)"/ab").IsBelow("/a"), Is.False);
            Assert.That(((BigFsPath)"/a").IsBelow("/a"), Is.False);
            Assert.That(BigFsPath.Root.IsBelow("/"), Is.False);
        });
    }

    [Test]
    public void Names_are_ordered_by_their_UTF8_bytes()
    {
        Gen<string> name = Gen.OneOf(Gen.Char['a', 'c'].Select(c => c.ToString()), Gen.Const("\uffff"), Gen.Const("\U0001F600"), Gen.Const("ü"))
            .Array[1, 4].Select(string.Concat);
        Gen.Select(name, name).Sample(
            (left, right) =>
            {
                int bytes = System.Text.Encoding.UTF8.GetBytes(left).AsSpan()
                    .SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(right));
                return Math.Sign(bytes) == Math.Sign(BigFsPath.CompareNames(left, right));
            },
            iter: 2000,
            seed: "0000KOIPZhs3");
    }
}

using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Tests.Paths;

internal sealed class RemotePathTests
{
    [TestCase("bigfs:/a/b", "/a/b", false)]
    [TestCase("bigfs:/a/b/", "/a/b", true)]
    [TestCase("/a", "/a", false)]
    [TestCase("bigfs:/", "/", true)]
    [TestCase("/", "/", true)]
    public void A_path_may_have_the_prefix_and_a_slash_at_its_end(string text, string path, bool isFolder) =>
        Assert.That(RemotePath.Parse(text), Is.EqualTo(new RemotePath(path, isFolder)));

    [TestCase("a")]
    [TestCase("")]
    [TestCase("bigfs:")]
    [TestCase("bigfs:a")]
    [TestCase("/a//")]
    [TestCase("/a/../b")]
    public void What_breaks_a_rule_is_refused(string text) => Assert.That(
        () => RemotePath.Parse(text),
        Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.InvalidPath));

    [Test]
    public void An_endpoint_is_not_taken_for_a_path() =>
        Assert.That(() => RemotePath.Parse("bigfs://host:1/a"), Throws.TypeOf<UsageException>());
}

using BigFs.Cli.Errors;
using BigFs.Cli.Shell;
using CsCheck;

namespace BigFs.Cli.Tests.Shell;

internal sealed class ShellWordsTests
{
    [TestCase("", new string[0])]
    [TestCase("   \t ", new string[0])]
    [TestCase("ls -l  /a", new[] { "ls", "-l", "/a" })]
    [TestCase("rm 'a b' \"c d\" e\\ f", new[] { "rm", "a b", "c d", "e f" })]
    [TestCase("a'b'\"c\"d", new[] { "abcd" })]
    [TestCase("'' \"\"", new[] { "", "" })]
    [TestCase("'a\\b' \"a\\\"\\\\b\\c\"", new[] { "a\\b", "a\"\\b\\c" })]
    [TestCase("ls # all", new[] { "ls" })]
    [TestCase("# nothing", new string[0])]
    [TestCase("ls a#b", new[] { "ls", "a#b" })]
    public void A_line_is_split_into_words(string line, string[] words) =>
        Assert.That(ShellWords.Split(line), Is.EqualTo(words));

    [TestCase("ls 'a")]
    [TestCase("ls \"a")]
    [TestCase("ls a\\")]
    public void What_is_not_closed_is_refused(string line) =>
        Assert.That(() => ShellWords.Split(line), Throws.TypeOf<UsageException>());

    [Test]
    public void Joined_words_split_into_the_same_words_again() =>
        Gen.String[Gen.Char["ab '\"\\#-/$*\t"], 0, 6].Array[0, 5]
            .Sample(words => ShellWords.Split(ShellWords.Join(words)).SequenceEqual(words), iter: 2000, seed: "0000bigfs001");
}

using BigFs.Cli.Output;

namespace BigFs.Cli.Tests.Output;

internal sealed class TextTests
{
    [TestCase(0, "0 B")]
    [TestCase(1023, "1023 B")]
    [TestCase(1024, "1.0 KiB")]
    [TestCase(12_900_000, "12.3 MiB")]
    [TestCase(9.3e18, "8.1 EiB")]
    public void A_size_has_a_unit(double bytes, string text) => Assert.That(Text.Size(bytes), Is.EqualTo(text));

    [TestCase(0.44, "0.4 s")]
    [TestCase(59, "59 s")]
    [TestCase(185, "3 min 05 s")]
    [TestCase(7800, "2 h 10 min")]
    public void A_duration_is_short(double seconds, string text) =>
        Assert.That(Text.Duration(TimeSpan.FromSeconds(seconds)), Is.EqualTo(text));

    [Test]
    public void Control_characters_are_made_visible_and_other_scripts_stay() =>
        Assert.That(Text.Visible("ação\n\u001b[2J日本"), Is.EqualTo("ação\\x0a\\x1b[2J日本"));
}

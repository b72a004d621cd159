using BigFs.Cli.Bench;

namespace BigFs.Cli.Tests.Bench;

internal sealed class ByteSizeTests
{
    [TestCase("0", 0)]
    [TestCase("4096", 4096)]
    [TestCase("1KiB", 1024)]
    [TestCase("8MiB", 8 << 20)]
    [TestCase("8mib", 8 << 20)]
    [TestCase("518MiB", 518L << 20)]
    [TestCase("4GiB", 4L << 30)]
    [TestCase("9223372036854775807", long.MaxValue)]
    [TestCase("8589934591GiB", 8589934591L << 30)]
    public void A_size_is_bytes_or_has_a_binary_unit(string text, long expected)
    {
        Assert.That((ByteSize.TryParse(text, out long bytes), bytes), Is.EqualTo((true, expected)));
    }

    [TestCase("")]
    [TestCase("MiB")]
    [TestCase("8MB")]
    [TestCase("8 MiB")]
    [TestCase("8M")]
    [TestCase("1.5MiB")]
    [TestCase("-1")]
    [TestCase("+1")]
    [TestCase("1,024")]
    [TestCase("0x10")]
    [TestCase("9223372036854775808")]
    [TestCase("8589934592GiB")]
    public void Anything_else_is_no_size(string text)
    {
        Assert.That((ByteSize.TryParse(text, out long bytes), bytes), Is.EqualTo((false, 0)));
    }
}

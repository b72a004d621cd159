using BigFs.Cli.Progress;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Cli.Tests.Progress;

internal sealed class PlainProgressTests
{
    [Test]
    public void A_line_comes_now_and_then_with_amount_rate_and_time_left()
    {
        var time = new FakeTimeProvider();
        List<string> lines = [];
        var progress = new PlainProgress("video", lines.Add, time);

        for (int second = 1; second <= 12; second++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            progress.Report(second << 20, 64 << 20);
        }

        Assert.That(lines, Is.EqualTo(new[]
        {
            "video: 5.0 MiB of 64.0 MiB, 1.0 MiB/s, 59 s left",
            "video: 10.0 MiB of 64.0 MiB, 1.0 MiB/s, 54 s left",
        }));
    }

    [Test]
    public void Without_a_total_nothing_is_said_of_the_rest()
    {
        var time = new FakeTimeProvider();
        List<string> lines = [];
        var progress = new PlainProgress("pipe", lines.Add, time);

        time.Advance(TimeSpan.FromSeconds(5));
        progress.Report(5 << 10, null);

        Assert.That(lines, Is.EqualTo(new[] { "pipe: 5.0 KiB, 1.0 KiB/s" }));
    }
}

using BigFs.Cli.Progress;

namespace BigFs.Cli.Tests.Progress;

internal sealed class TransferRateTests
{
    [Test]
    public void A_steady_transfer_has_its_rate_and_its_time_left()
    {
        var rate = new TransferRate();

        rate.Note(TimeSpan.FromSeconds(1), 100);
        rate.Note(TimeSpan.FromSeconds(2), 200);

        Assert.That((rate.BytesPerSecond, rate.TimeLeft(1000)), Is.EqualTo((100.0, (TimeSpan?)TimeSpan.FromSeconds(8))));
    }

    [Test]
    public void What_lies_before_the_window_no_longer_counts()
    {
        var rate = new TransferRate();
        for (int second = 1; second <= 30; second++)
        {
            rate.Note(TimeSpan.FromSeconds(second), second <= 10 ? 1_000_000 : 1_000_000 + (10 * (second - 10)));
        }

        Assert.That(rate.BytesPerSecond, Is.EqualTo(10).Within(0.001));
    }

    [Test]
    public void Nothing_is_promised_without_a_total_or_without_movement()
    {
        var rate = new TransferRate();
        Assert.That(rate.TimeLeft(10), Is.Null, "nothing noted");

        rate.Note(TimeSpan.FromSeconds(1), 0);
        Assert.That(rate.TimeLeft(10), Is.Null, "no movement");

        rate.Note(TimeSpan.FromSeconds(2), 5);
        Assert.That(rate.TimeLeft(null), Is.Null, "no total");
    }
}

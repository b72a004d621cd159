using BigFs.Cli.Progress;

namespace BigFs.Cli.Tests.Progress;

internal sealed class TransferTotalTests
{
    [Test]
    public void Several_transfers_add_up_and_never_go_down()
    {
        List<(long Bytes, long? Total)> told = [];
        var total = new TransferTotal((bytes, all) => told.Add((bytes, all)));
        IProgress<long> first = total.Add(100), second = total.Add(50);

        first.Report(40);
        second.Report(50);
        first.Report(30);
        first.Report(100);

        Assert.That(told, Is.EqualTo(new (long, long?)[] { (40, 150), (90, 150), (150, 150) }));
    }

    [Test]
    public void One_transfer_of_unknown_length_makes_the_sum_unknown()
    {
        (long Bytes, long? Total) last = default;
        var total = new TransferTotal((bytes, all) => last = (bytes, all));
        total.Add(100);

        total.Add(null).Report(5);

        Assert.That(last, Is.EqualTo((5L, (long?)null)));
    }

    [Test]
    public void A_pipe_that_says_its_length_is_zero_is_of_unknown_length()
    {
        long? last = 0;
        var total = new TransferTotal((_, all) => last = all);

        total.Add(0).Report(5);

        Assert.That(last, Is.Null);
    }
}

using System.Diagnostics;
using BigFs.Cli.Bench;

namespace BigFs.Cli.Tests.Bench;

internal sealed class MeasurementTests
{
    [TestCase(50, 5)]
    [TestCase(51, 6)]
    [TestCase(99, 10)]
    [TestCase(100, 10)]
    [TestCase(1, 1)]
    public void A_percentile_is_the_smallest_value_with_so_many_percent_not_above_it(double percent, double expected)
    {
        double[] values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

        Assert.That(Percentile.Of(values, percent), Is.EqualTo(expected));
    }

    [Test]
    public void The_99th_percentile_leaves_out_the_worst_hundredth()
    {
        double[] values = [.. Enumerable.Range(1, 1000).Select(i => (double)i)];

        Assert.That((Percentile.Of(values, 99), Percentile.Of([7], 99), Percentile.Of([], 99)), Is.EqualTo((990.0, 7.0, (double?)null)));
    }

    [Test]
    public void A_tally_keeps_the_latencies_of_what_succeeded_the_first_error_and_the_weakest_durability()
    {
        var tally = new BenchTally(4);
        tally.Succeeded(2, Stopwatch.Frequency, new BenchOutcome { Bytes = 10, Replicas = 3, Durability = BigFsDurability.Flushed });
        tally.Succeeded(0, Stopwatch.Frequency / 1000, new BenchOutcome { Bytes = 5, Replicas = 2, Durability = BigFsDurability.Memory });
        tally.Succeeded(1, Stopwatch.Frequency / 100, new BenchOutcome { Bytes = 5, Replicas = 3, Durability = BigFsDurability.Flushed, Operations = 100 });
        tally.FailedWith(new BigFsException(BigFsErrorCode.TimedOut, "first"));
        tally.FailedWith(new BigFsException(BigFsErrorCode.TimedOut, "second"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tally.SortedMilliseconds(), Is.EqualTo([1.0, 10.0, 1000.0]).Within(0.001));
            Assert.That((tally.Done, tally.Pieces, tally.Failed, tally.Bytes), Is.EqualTo((102, 3, 2, 20L)));
            Assert.That(tally.FirstError!.Message, Is.EqualTo("first"));
            Assert.That((tally.Replicas, tally.Durability), Is.EqualTo((2, BigFsDurability.Memory)));
        }
    }

    [Test]
    public void Processor_time_is_read_from_behind_the_name_which_may_hold_anything()
    {
        const string line = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 20 0 9 0 12345";

        Assert.That((CpuMeter.ParseStat(line), CpuMeter.ParseStat("nonsense"), CpuMeter.ParseStat("1 (a) S 2")), Is.EqualTo((2.0, (double?)null, (double?)null)));
    }

    [Test]
    public void A_process_counts_once_and_this_one_not_as_a_server()
    {
        Assert.That(new CpuMeter([7, 7, Environment.ProcessId, 8]).Servers, Is.EqualTo(2));
    }

    [Test]
    public void Processor_time_of_this_process_is_counted_and_a_process_that_is_gone_is_told()
    {
        var cpu = new CpuMeter([int.MaxValue]);
        cpu.Start();
        TimeSpan before = Environment.CpuUsage.TotalTime;
        var deadline = Stopwatch.StartNew();
        while (Environment.CpuUsage.TotalTime - before < TimeSpan.FromMilliseconds(30))
        {
            Assert.That(deadline.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
        }

        Assert.That((cpu.Stop(), cpu.Lost), Is.EqualTo((0.03, 1)).Using<(double Seconds, int Lost)>(
            (measured, least) => measured.Seconds >= least.Seconds && measured.Seconds < 30 && measured.Lost == least.Lost));
    }

    [Test]
    public void The_content_repeats_a_pattern_wherever_it_is_read()
    {
        byte[] pattern = [1, 2, 3, 4, 5];
        using var stream = new PatternStream(pattern, 12);
        var all = new byte[20];
        int first = stream.Read(all, 0, 7), rest = stream.Read(all, 7, 13);
        stream.Position = 9;
        var tail = new byte[2];
        stream.ReadExactly(tail);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((first, rest), Is.EqualTo((7, 5)));
            Assert.That(all[..12], Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2 }));
            Assert.That(tail, Is.EqualTo(new byte[] { 5, 1 }));
        }
    }
}

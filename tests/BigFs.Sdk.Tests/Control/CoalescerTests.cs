using System.Collections.Concurrent;
using BigFs.Internal.Grpc;

namespace BigFs.Sdk.Tests.Control;

/// <summary>Whatever is handed in is written once, in the order of each caller, however short the writes are.</summary>
public sealed class CoalescerTests
{
    private const int Callers = 4;

    /// <summary>
    /// Callers that wait for what they have handed in before they hand in the next, so that the run of writes ends and
    /// begins all the time: where an item could be lost between the two, its caller would wait for ever.
    /// </summary>
    [Test]
    [CancelAfter(60_000)]
    public async Task Nothing_is_lost_where_one_run_of_writes_ends_and_the_next_begins(CancellationToken cancellationToken)
    {
        const int Rounds = 300_000;
        var written = new int[Callers];
        var answers = new TaskCompletionSource[Callers];
        int writing = 0;
        int overlaps = 0;
        var coalescer = new Coalescer<int>(
            batch =>
            {
                overlaps += Interlocked.Increment(ref writing) - 1;
                foreach (int caller in batch)
                {
                    written[caller]++;
                    Volatile.Read(ref answers[caller]).TrySetResult();
                }

                Interlocked.Decrement(ref writing);
                return Task.CompletedTask;
            },
            _ => { });

        async Task CallAsync(int caller)
        {
            for (int round = 0; round < Rounds; round++)
            {
                var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Volatile.Write(ref answers[caller], answer);
                coalescer.Add(caller);
                await answer.Task.WaitAsync(cancellationToken);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(() => CallAsync(caller), cancellationToken)));
        await coalescer.CloseAsync();
        Assert.Multiple(() =>
        {
            Assert.That(written, Is.All.EqualTo(Rounds), "each is written once");
            Assert.That(overlaps, Is.Zero, "one write at a time");
        });
    }

    [Test]
    public async Task Items_of_one_caller_keep_their_order_and_closing_waits_for_the_last()
    {
        const int Count = 10_000;
        var written = new ConcurrentQueue<int>();
        var coalescer = new Coalescer<int>(
            async batch =>
            {
                await Task.Yield();
                foreach (int item in batch)
                {
                    written.Enqueue(item);
                }
            },
            _ => { });
        for (int i = 0; i < Count; i++)
        {
            Assert.That(coalescer.Add(i), Is.True);
        }

        await coalescer.CloseAsync();
        Assert.That(written, Is.EqualTo(Enumerable.Range(0, Count)));
        Assert.That(coalescer.Add(0), Is.False, "closed");
    }

    [Test]
    public async Task A_write_that_fails_is_told_once_and_ends_everything()
    {
        var failures = new ConcurrentQueue<Exception>();
        var coalescer = new Coalescer<int>(_ => Task.FromException(new IOException("gone")), failures.Enqueue);
        coalescer.Add(1);
        await coalescer.CloseAsync();
        Assert.That(coalescer.Add(2), Is.False);
        Assert.That(failures.Select(failure => failure.Message), Is.EqualTo(new[] { "gone" }));
    }
}

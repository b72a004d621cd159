using BigFs.Core.Threading;
using NUnit.Framework;

namespace BigFs.Core.Tests.Threading;

/// <summary>Threads for blocking calls, and threads that are lent to them.</summary>
public sealed class BlockingThreadsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Test]
    public void What_a_lent_thread_hands_over_runs_on_it_after_the_start_has_returned()
    {
        using var threads = new BlockingThreads("set", 1);
        var steps = new List<string>();
        int? ranOn = null;

        BlockingThreads.RunHere(() =>
        {
            _ = threads.RunAsync(() =>
            {
                ranOn = Environment.CurrentManagedThreadId;
                steps.Add("work");
            });
            steps.Add("start has returned");
        });

        Assert.That(steps, Is.EqualTo(new[] { "start has returned", "work" }));
        Assert.That(ranOn, Is.EqualTo(Environment.CurrentManagedThreadId));
    }

    [Test]
    public Task A_chain_stays_on_the_lent_thread_until_it_lets_others_have_it() => WithoutContextAsync(async () =>
    {
        using var threads = new BlockingThreads("set", 1);
        int lender = 0, first = 0, second = 0;
        (bool Before, bool Within, bool After) lent = default;
        string? later = null;
        Task chain = Task.CompletedTask;

        BlockingThreads.RunHere(() =>
        {
            lender = Environment.CurrentManagedThreadId;
            lent.Before = BlockingThreads.IsLent;
            chain = ChainAsync();
        });
        lent.After = BlockingThreads.IsLent;
        await chain.WaitAsync(Patience);
        await Task.Yield(); // off the set's thread, which is waited for below

        Assert.That((first, second), Is.EqualTo((lender, lender)));
        Assert.That(lent, Is.EqualTo((false, true, false)));
        Assert.That(later, Is.EqualTo("set"));

        async Task ChainAsync()
        {
            await threads.EnterAsync();
            lent.Within = BlockingThreads.IsLent;
            first = Environment.CurrentManagedThreadId;
            second = await threads.RunAsync(() => Environment.CurrentManagedThreadId);
            await threads.EnterAsync();
            later = Thread.CurrentThread.Name;
        }
    });

    [Test]
    public Task A_thread_is_lent_no_longer_than_it_runs_what_was_handed_over() => WithoutContextAsync(async () =>
    {
        using var threads = new BlockingThreads("set", 1);
        Assert.That(
            () => BlockingThreads.RunHere(() =>
            {
                _ = threads.RunAsync(() => { });
                throw new InvalidOperationException("the start fails");
            }),
            Throws.InvalidOperationException);

        string? ranOn = await threads.RunAsync(() => Thread.CurrentThread.Name).AsTask().WaitAsync(Patience);
        await Task.Yield();

        Assert.That(ranOn, Is.EqualTo("set"));
    });

    [Test]
    public void Two_sets_get_the_lent_thread_one_after_the_other()
    {
        using var one = new BlockingThreads("one", 1);
        using var other = new BlockingThreads("other", 1);
        int lender = Environment.CurrentManagedThreadId;
        ValueTask<int> first = default, second = default;

        BlockingThreads.RunHere(() =>
        {
            first = one.RunAsync(() => Environment.CurrentManagedThreadId);
            second = other.RunAsync(() => Environment.CurrentManagedThreadId);
        });

        Assert.That((first.Result, second.Result), Is.EqualTo((lender, lender)));
    }

    [Test]
    public void A_set_that_was_ended_takes_nothing_from_a_lent_thread()
    {
        var threads = new BlockingThreads("set", 1);
        threads.Dispose();

        Assert.That(
            () => BlockingThreads.RunHere(() => _ = threads.RunAsync(() => 1)), Throws.InstanceOf<ObjectDisposedException>());
    }

    /// <summary>The test framework's context would take every wait off the thread that ends it.</summary>
    private static Task WithoutContextAsync(Func<Task> test) => Task.Run(test);
}

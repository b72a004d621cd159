using System.Runtime.CompilerServices;
using BigFs.Cli.Roles;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Cli.Tests.Roles;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class RestingMemoryTests
{
    private readonly FakeTimeProvider _time = new();
    private long _allocated;
    private int _givenBack;

    [Test]
    public async Task A_process_that_comes_to_rest_gives_memory_back_once()
    {
        await WhileWatchedAsync(() =>
        {
            Pass(allocated: 100 << 20);
            Assert.That(_givenBack, Is.Zero, "It was at work.");
            Pass(allocated: 1 << 20);
            Assert.That(_givenBack, Is.EqualTo(1));
            Pass(allocated: 1 << 20);
            Assert.That(_givenBack, Is.EqualTo(1), "So little is not worth it.");
        });
    }

    [Test]
    public async Task A_process_at_rest_gives_back_what_adds_up()
    {
        await WhileWatchedAsync(() =>
        {
            for (int i = 0; i < 12; i++)
            {
                Pass(allocated: RestingMemory.LeastWorthwhile / 4);
            }

            Assert.That(_givenBack, Is.EqualTo(3));
        });
    }

    [Test]
    public async Task A_process_at_work_is_left_alone()
    {
        await WhileWatchedAsync(() =>
        {
            for (int i = 0; i < 10; i++)
            {
                Pass(allocated: RestingMemory.MostAtRest + 1);
            }

            Assert.That(_givenBack, Is.Zero);
        });
    }

    [Test]
    public async Task What_this_process_no_longer_uses_goes_back_to_the_system()
    {
        long before = MakeRubbish();
        using var stop = new CancellationTokenSource();
        Task watch = new RestingMemory(_time).UntilCancelledAsync(stop.Token);
        _time.Advance(RestingMemory.Period);
        await stop.CancelAsync();
        await watch;
        Assert.That(Environment.WorkingSet, Is.LessThan(before - (32 << 20)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long MakeRubbish()
    {
        var rubbish = new List<byte[]>();
        for (int i = 0; i < 64; i++)
        {
            rubbish.Add(GC.AllocateUninitializedArray<byte>(1 << 20));
            rubbish[i].AsSpan().Fill(1);
        }

        return Environment.WorkingSet;
    }

    private async Task WhileWatchedAsync(Action act)
    {
        using var stop = new CancellationTokenSource();
        Task watch = new RestingMemory(_time, () => _allocated, () => _givenBack++).UntilCancelledAsync(stop.Token);
        act();
        await stop.CancelAsync();
        await watch;
    }

    private void Pass(long allocated)
    {
        _allocated += allocated;
        _time.Advance(RestingMemory.Period);
    }
}

using System.Collections.Concurrent;

namespace BigFs.Core.Tests.Storage;

/// <summary>Runs asynchronous code on the calling thread alone, so that a seed replays.</summary>
internal sealed class SingleThread : SynchronizationContext
{
    private readonly BlockingCollection<(SendOrPostCallback Call, object? State)> _calls = [];

    public static void Run(Func<Task> work)
    {
        SynchronizationContext? outer = Current;
        var context = new SingleThread();
        SetSynchronizationContext(context);
        try
        {
            Task done = work();
            done.ContinueWith(_ => context._calls.CompleteAdding(), TaskScheduler.Default);
            foreach ((SendOrPostCallback call, object? state) in context._calls.GetConsumingEnumerable())
            {
                call(state);
            }

            done.GetAwaiter().GetResult();
        }
        finally
        {
            SetSynchronizationContext(outer);
        }
    }

    public override void Post(SendOrPostCallback d, object? state) => _calls.Add((d, state));
}

using System.Globalization;
using BigFs.Cli.Progress;

namespace BigFs.Cli.Bench;

/// <summary>
/// How far a measurement has come, beside it: a line that is written over on a terminal, a plain line now and then
/// elsewhere, nothing when quiet. The measured operations know nothing of it.
/// </summary>
internal sealed class BenchDisplay : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private const string EraseLine = "\r\e[K";

    private readonly CommandContext _context;
    private readonly BenchPlan _plan;
    private readonly BenchTally _tally;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    private BenchDisplay(CommandContext context, BenchPlan plan, BenchTally tally)
    {
        _context = context;
        _plan = plan;
        _tally = tally;
        _loop = context.Quiet ? Task.CompletedTask : ShowAsync(_stop.Token);
    }

    public static BenchDisplay Start(CommandContext context, BenchPlan plan, BenchTally tally) => new(context, plan, tally);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ShowAsync(CancellationToken cancellationToken)
    {
        TextWriter error = _context.Console.Error;
        bool onTerminal = _context.Console.ErrorIsTerminal;
        TimeProvider time = _context.Environment.Time;
        long start = time.GetTimestamp();
        var lines = new PlainProgress($"bench {_plan.Name}", error.WriteLine, time);
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                if (onTerminal)
                {
                    error.Write(EraseLine + Line(time.GetElapsedTime(start)));
                }
                else
                {
                    lines.Report(_tally.Bytes, total: null);
                }
            }
        }
        finally
        {
            if (onTerminal)
            {
                error.Write(EraseLine);
            }
        }
    }

    private string Line(TimeSpan elapsed)
    {
        double seconds = elapsed.TotalSeconds;
        string failed = _tally.Failed > 0 ? string.Create(CultureInfo.InvariantCulture, $", {_tally.Failed} failed") : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_plan.Name} {_tally.Done} of {_plan.Count * _plan.Passes}, {(_plan.IsTransfer ? $"{_tally.Bytes / 1e6 / seconds:0.0} MB/s, " : "")}{_tally.Done / seconds:0.0} files/s{failed}");
    }
}

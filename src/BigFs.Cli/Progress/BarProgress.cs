using Spectre.Console;

namespace BigFs.Cli.Progress;

/// <summary>A bar with rate and time left, on a terminal.</summary>
internal static class BarProgress
{
    /// <summary>Shows a bar on standard error while the work runs.</summary>
    public static Task<int> RunAsync(string label, Func<TransferTotal, Task<int>> work)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                new DownloadedColumn(),
                new TransferSpeedColumn(),
                new RemainingTimeColumn())
            .StartAsync(display =>
            {
                ProgressTask bar = display.AddTask(Markup.Escape(label), maxValue: 1);
                bar.IsIndeterminate = true;
                return work(new TransferTotal((bytes, total) =>
                {
                    bar.IsIndeterminate = total is null;
                    bar.MaxValue = Math.Max(1, total ?? bytes);
                    bar.Value = bytes;
                }));
            });
    }
}

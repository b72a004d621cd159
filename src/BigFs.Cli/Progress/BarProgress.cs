using System.Text;
using Spectre.Console;

namespace BigFs.Cli.Progress;

/// <summary>A bar with rate and time left, on a terminal.</summary>
internal static class BarProgress
{
    /// <summary>Shows a bar on standard error while the work runs; lines that are written there meanwhile stand above it.</summary>
    public static async Task<int> RunAsync(CliConsole console, string label, Func<TransferTotal, Task<int>> work)
    {
        IAnsiConsole terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.DivertError(new LinesAbove(terminal));
        try
        {
            return await terminal.Progress()
                .AutoClear(true)
                .Columns(
                    new TaskDescriptionColumn(),
                    new ProgressBarColumn(),
                    new PercentageColumn(),
                    new DownloadedColumn(),
                    new TransferSpeedColumn(),
                    new RemainingTimeColumn())
                .StartAsync(display => work(TotalShownBy(display.AddTask(Markup.Escape(label), maxValue: 1))));
        }
        finally
        {
            console.DivertError(null);
        }
    }

    private static TransferTotal TotalShownBy(ProgressTask bar)
    {
        bar.IsIndeterminate = true;
        return new TransferTotal((bytes, total) =>
        {
            bar.IsIndeterminate = total is null;
            bar.MaxValue = Math.Max(1, total ?? bytes);
            bar.Value = bytes;
        });
    }

    /// <summary>Lines through the one who draws, so that the bar is drawn again below them.</summary>
    private sealed class LinesAbove(IAnsiConsole terminal) : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => terminal.Write(new Text(value.ToString()));

        public override void WriteLine(string? value) => terminal.Write(new Text((value ?? "") + "\n"));
    }
}

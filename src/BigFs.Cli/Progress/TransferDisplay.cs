namespace BigFs.Cli.Progress;

/// <summary>Chooses how progress is shown: a bar on a terminal, lines elsewhere, nothing when quiet.</summary>
internal static class TransferDisplay
{
    public static Task<int> RunAsync(CommandContext context, string label, Func<TransferTotal, Task<int>> work)
    {
        if (context.Quiet)
        {
            return work(new TransferTotal((_, _) => { }));
        }

        if (context.Console.ErrorIsTerminal)
        {
            return BarProgress.RunAsync(context.Console, label, work);
        }

        var lines = new PlainProgress(label, context.Console.Error.WriteLine, context.Environment.Time);
        return work(new TransferTotal(lines.Report));
    }
}

namespace BigFs.Cli.Tests.Errors;

/// <summary>The table of docs/errors.md.</summary>
internal static class ErrorTable
{
    /// <summary>Other tables of the page have fewer.</summary>
    private const int Columns = 4;

    public static IReadOnlyList<ErrorRow> Read() =>
    [
        .. File.ReadLines(Path.Combine(RepositoryRoot(), "docs", "errors.md"))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && line.Count(letter => letter == '|') == Columns + 1)
            .Skip(1)
            .Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => new ErrorRow(cells[0], cells[1].Trim('`'), int.Parse(cells[2], null), cells[3] == "run")),
    ];

    public static string RepositoryRoot()
    {
        string? folder = TestContext.CurrentContext.TestDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "BigFs.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}

/// <summary>One row: what happens, its code or the command's own name for it, the exit code, and whether it can be run.</summary>
internal sealed record ErrorRow(string Situation, string Code, int ExitCode, bool IsRun)
{
    public override string ToString() => Situation;
}

using NUnit.Framework;

namespace BigFs.Core.Tests.Replication;

/// <summary>Reads docs/state-tables.md.</summary>
internal static class StateTablesPage
{
    /// <summary>The rows of the first table below a heading, without its two header lines.</summary>
    public static string[] Rows(string heading)
    {
        string? folder = TestContext.CurrentContext.TestDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "BigFs.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        string[] lines = File.ReadAllLines(Path.Combine(folder!, "docs", "state-tables.md"));
        return
        [
            .. lines.SkipWhile(line => line != heading)
                .SkipWhile(line => !line.StartsWith('|'))
                .TakeWhile(line => line.StartsWith('|'))
                .Skip(2),
        ];
    }
}

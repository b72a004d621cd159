using BigFs.Hosting.Gateway.Problems;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Problems;

/// <summary>Errors as HTTP says them.</summary>
internal sealed class ProblemTests
{
    [Test]
    public void The_page_about_errors_has_the_status_of_every_code()
    {
        string[] rows = [.. File.ReadAllLines(Path.Combine(Repository.Root, "docs", "errors.md"))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal) && line.Count(letter => letter == '|') == 3)
            .Skip(1)];

        Assert.That(rows, Is.EqualTo(Enum.GetValues<BigFsErrorCode>().Select(code => $"| `{code}` | {Problem.StatusOf(code)} |")));
    }
}

using System.Text.RegularExpressions;
using NUnit.Framework;

namespace BigFs.Architecture.Tests;

/// <summary>What is not to be found in the repository.</summary>
public sealed partial class Housekeeping
{
    [Test]
    public void No_source_file_is_longer_than_a_reader_wants()
    {
        Assert.That(
            Repository.Files("src", "*.cs").Where(file => Repository.Read(file).Split('\n').Length > 450), Is.Empty);
    }

    [Test]
    public void Nothing_is_left_to_be_done_in_the_code()
    {
        // Put together here, so that this file does not find itself.
        var unfinished = new Regex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK|NotImplemented" + @"Exception)\b");
        Assert.That(
            new[] { "src", "tests", "samples" }.SelectMany(folder => Repository.Files(folder, "*.cs"))
                .Where(file => unfinished.IsMatch(Repository.Read(file))),
            Is.Empty);
    }

    [Test]
    public void Every_log_event_has_a_number_of_its_own()
    {
        string[] numbers =
        [
            .. Repository.Files("src", "*.cs").SelectMany(file => EventNumber().Matches(Repository.Read(file)))
                .Select(match => match.Groups[1].Value),
        ];
        Assert.That(numbers, Is.Unique.And.Not.Empty);
    }

    [Test]
    public void No_test_sleeps()
    {
        var sleep = new Regex(@"Thread\.Sl" + @"eep");
        Assert.That(Repository.Files("tests", "*.cs").Where(file => sleep.IsMatch(Repository.Read(file))), Is.Empty);
    }

    [Test]
    public void No_package_source_is_named()
    {
        Assert.That(Repository.Read("nuget.config"), Does.Not.Contain("http").And.Not.Contain("<clear"));
    }

    [Test]
    public void The_code_in_the_README_is_the_code_of_the_Quickstart()
    {
        string sample = Repository.Read("samples/Quickstart/Program.cs");
        string code = Repository.Read("README.md").Split("```csharp")[1].Split("```")[0];
        string[] lines = [.. code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
        Assert.That(lines, Is.Not.Empty);
        Assert.That(lines.Where(line => !sample.Contains(line, StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Links_between_the_documents_lead_somewhere()
    {
        string[] documents =
        [
            .. Repository.Files("docs", "*.md"),
            .. Directory.EnumerateFiles(Repository.Root, "*.md").Select(file => Path.GetFileName(file)),
        ];
        foreach (string document in documents)
        {
            foreach (Match link in RelativeLink().Matches(Repository.Read(document)))
            {
                string target = Path.Combine(Repository.Root, Path.GetDirectoryName(document) ?? "", link.Groups[1].Value);
                Assert.That(File.Exists(target) || Directory.Exists(target), $"{document} links to {link.Groups[1].Value}");
            }
        }
    }

    [GeneratedRegex(@"LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex EventNumber();

    [GeneratedRegex(@"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex RelativeLink();
}

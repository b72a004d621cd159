using System.Text;
using System.Text.RegularExpressions;
using BigFs.Core.Storage;
using BigFs.Hosting;
using NUnit.Framework;

namespace BigFs.Architecture.Tests;

/// <summary>Crash points and canaries: none in the product, all of them listed.</summary>
public sealed partial class FaultSeam
{
    [Test]
    public void The_product_holds_no_crash_point_and_no_canary()
    {
        byte[] product =
        [
            .. File.ReadAllBytes(typeof(VolumeStore).Assembly.Location), .. File.ReadAllBytes(typeof(BigFsCluster).Assembly.Location),
        ];
        string[] traces = ["BIGFS_CANARY", "BIGFS_CRASH_POINT", .. NamesUsed(), .. Listed("Canaries")];
        Assert.That(Contains(product, "volumes"), "a string that the product does hold is found");
        Assert.That(Contains(product, "BEGIN IMMEDIATE"), "and one of the hosts");
        Assert.That(traces.Where(trace => Contains(product, trace)), Is.Empty);
        Assert.That(typeof(VolumeStore).Assembly.GetType("BigFs.Core.Faults.CrashPoints"), Is.Null);
    }

    [Test]
    public void Every_crash_point_is_reached_in_one_place_and_listed()
    {
        string registry = Repository.Read("src/BigFs.Core/Faults/CrashPoints.cs");
        string[] all = [.. QuotedName().Matches(registry).Select(match => match.Groups[1].Value)];
        Assert.That(all, Has.Length.GreaterThan(20));
        Assert.That(NamesUsed(), Is.EquivalentTo(all), "in the sources");
        Assert.That(Listed("Crash points"), Is.EqualTo(all), "in docs/failure-model.md");
    }

    [Test]
    public void Every_canary_is_listed()
    {
        string source = Repository.Read("src/BigFs.Core/Faults/Canary.cs");
        IEnumerable<string> all = Comparison().Matches(source).Select(match => match.Groups[1].Value);
        Assert.That(Listed("Canaries"), Is.EquivalentTo(all).And.Not.Empty);
    }

    private static IEnumerable<string> NamesUsed() => Repository.Files("src", "*.cs")
        .SelectMany(file => Reached().Matches(Repository.Read(file))).Select(match => match.Groups[1].Value);

    /// <summary>The first column of the table under a heading of the failure model.</summary>
    private static IEnumerable<string> Listed(string heading)
    {
        string page = Repository.Read("docs/failure-model.md").Split($"### {heading}\n")[1].Split("\n#")[0];
        return FirstColumn().Matches(page).Select(match => match.Groups[1].Value);
    }

    /// <summary>Whether the assembly holds the text, as a literal or as a name.</summary>
    private static bool Contains(byte[] assembly, string text) =>
        assembly.AsSpan().IndexOf(Encoding.Unicode.GetBytes(text)) >= 0
        || assembly.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;

    [GeneratedRegex("CrashPoint\\.Reach\\(\"([^\"]+)\"\\)")]
    private static partial Regex Reached();

    [GeneratedRegex("^        \"([a-z]+\\.[a-z-]+)\",$", RegexOptions.Multiline)]
    private static partial Regex QuotedName();

    [GeneratedRegex("Chosen == \"([^\"]+)\"")]
    private static partial Regex Comparison();

    [GeneratedRegex("^\\| `([^`]+)` \\|", RegexOptions.Multiline)]
    private static partial Regex FirstColumn();
}

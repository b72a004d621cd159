using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace BigFs.Faults.Tests;

/// <summary>The C library's own calls fail under a store: strace answers them in the kernel's place.</summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed partial class ErrnoScenario
{
    private const string Strace = "/usr/bin/strace";

    [TestCase("fdatasync", "EIO", 3)]
    [TestCase("fdatasync", "ENOSPC", 3)]
    [TestCase("pwrite64", "EIO", 5)]
    [TestCase("pwrite64", "ENOSPC", 5)]
    [TestCase("fsync", "EIO", 3)]
    [TestCase("fallocate", "ENOSPC", 2)]
    public async Task A_call_that_fails_refuses_what_it_was_for_and_nothing_acknowledged_is_lost(
        string call, string error, int first)
    {
        FaultBuild.Require();
        if (!File.Exists(Strace))
        {
            Assert.Ignore("Needs strace, which makes calls of the C library fail.");
        }

        using var folder = new TemporaryFolder();
        string data = Path.Combine(folder.Path, "data");
        string trace = Path.Combine(folder.Path, "trace");
        var oracle = new Oracle();
        await FaultBuild.RunAsync(null, null, oracle, LoadOf(data, 1));
        int before = oracle.Acknowledged;

        // Every thread fails at its n-th call, once: what comes after must not make up for it.
        string[] strace = ["-f", "-qq", "-y", "-o", trace, "-e", $"trace={call}", "-e", $"inject={call}:error={error}:when={first}"];
        string[] work = call == "fsync" ? ["create", data, "40"] : LoadOf(data, 2); // that is what syncs directories
        using (Process process = FaultBuild.StartUnder(Strace, strace, work))
        {
            await FaultBuild.FollowAsync(process, oracle, _ => { });
        }

        string[] calls = await File.ReadAllLinesAsync(trace);
        Assert.That(calls.Count(line => line.Contains("(INJECTED)", StringComparison.Ordinal)), Is.Positive, "calls that failed");
        if (call == "fdatasync")
        {
            ExpectNoRepetition(calls);
        }

        Assert.That(await StoreCheck.RunAsync(data, oracle), Is.Empty);
        ScenarioLevel.Figure($"{call} {error}: {before} + {oracle.Acknowledged - before} acknowledged operations, 0 lost, 0 wrong");
    }

    /// <summary>Behind a failed flush of a log comes no other flush of it: it would prove nothing.</summary>
    private static void ExpectNoRepetition(string[] calls)
    {
        var failed = new HashSet<string>();
        foreach (Match match in calls.Select(line => Flush().Match(line)).Where(match => match.Success))
        {
            string log = match.Groups[1].Value;
            Assert.That(failed, Does.Not.Contain(log), "flushed again");
            if (match.Value.Contains("INJECTED", StringComparison.Ordinal))
            {
                failed.Add(log);
            }
        }
    }

    private static string[] LoadOf(string directory, int run) =>
    [
        "load",
        directory,
        ScenarioLevel.Seed.ToString(CultureInfo.InvariantCulture),
        run.ToString(CultureInfo.InvariantCulture),
        "25",
    ];

    [GeneratedRegex(@"fdatasync\(\d+<([^>]+\.log)>\).*$")]
    private static partial Regex Flush();
}

using System.Diagnostics;

namespace BigFs.Faults.Tests;

/// <summary>
/// Each test that guards a promise runs against the fault build twice: as it is, and with the canary that breaks the
/// promise. The first must pass and the second must fail, else the test guards nothing.
/// </summary>
[TestFixture]
[Category("Scenario")]
[NonParallelizable]
internal sealed class CanaryTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    [TestCase("skip-flush", "VolumeCrashTests.Whatever_was_acknowledged_survives_a_crash_at_any_operation")]
    [TestCase("skip-directory-sync", "VolumeCrashTests.Whatever_was_acknowledged_survives_a_crash_at_any_operation")]
    [TestCase("acknowledge-early", "TransferFailureTests.A_second_member_that_dies_before_its_acknowledgement_fails_the_write_by_name")]
    [TestCase("ignore-epoch", "VolumeStoreTests.A_write_under_another_epoch_or_other_members_is_refused")]
    [TestCase("skip-checksum", "VolumeStoreTests.Bytes_that_do_not_match_the_writers_checksum_are_refused")]
    public async Task A_broken_promise_is_caught(string canary, string test)
    {
        FaultBuild.Require();
        string name = test.Split('.')[1];
        (int code, string output) = await RunAsync(null, test);
        Assert.That(code, Is.Zero, $"without the canary:\n{output}");
        Assert.That(output, Does.Contain($"Passed {name}"));

        (code, output) = await RunAsync(canary, test);
        Assert.That(code, Is.Not.Zero, $"with it:\n{output}");
        Assert.That(output, Does.Contain($"Failed {name}"), "it is the test that fails, not its host");
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string? canary, string test)
    {
        string[] arguments =
        [
            "vstest",
            FaultBuild.Assembly("BigFs.Core.Tests"),
            $"--TestCaseFilter:FullyQualifiedName~{test}",
            "--logger:console;verbosity=normal",
        ];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["BIGFS_CANARY"] = canary;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(Deadline);
        await process.WaitForExitAsync().WaitAsync(Deadline);
        return (process.ExitCode, output + await error);
    }
}

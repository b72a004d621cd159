using System.Diagnostics;
using BigFs.Cli.Errors;
using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Roles;

internal sealed class ParentWatchTests
{
    [Test, CancelAfter(10_000)]
    public async Task The_end_of_a_killed_process_is_seen(CancellationToken deadline)
    {
        using var process = Process.Start(new ProcessStartInfo("sleep", "60") { UseShellExecute = false })!;
        string identity = ParentWatch.Identify(process.Id);
        Task end = ParentWatch.WaitForEndAsync(process.Id, identity, TimeProvider.System, deadline);
        Assert.That(end.IsCompleted, Is.False);

        process.Kill();

        await end.WaitAsync(deadline);
    }

    [Test]
    public void A_later_process_of_the_same_number_is_another_one()
    {
        Task end = ParentWatch.WaitForEndAsync(
            Environment.ProcessId, "started at another time", TimeProvider.System, CancellationToken.None);

        Assert.That(end.IsCompletedSuccessfully, Is.True);
    }

    [Test]
    public void What_is_gone_before_the_start_is_refused() =>
        Assert.That(() => ParentWatch.Identify(int.MaxValue), Throws.TypeOf<UsageException>());
}

using BigFs.Cli;
using NUnit.Framework;

namespace BigFs.Cli.Tests;

internal sealed class PoolSpinningTests
{
    [TestCase(true, "run", "datanode")]
    [TestCase(true, "--json", "dev", "--processes")]
    [TestCase(false, "bench", "get")]
    [TestCase(false, "cp", "file", "bigfs:/file")]
    [TestCase(false)]
    public void Processes_that_run_roles_are_told_from_clients(bool isServer, params string[] arguments) =>
        Assert.That(PoolSpinning.IsServer(arguments), Is.EqualTo(isServer));

    [Test]
    public void A_client_spins_as_the_runtime_means_it_and_a_server_keeps_what_its_program_says()
    {
        object? before = AppContext.GetData(PoolSpinning.Setting);
        try
        {
            AppContext.SetData(PoolSpinning.Setting, 0);
            PoolSpinning.Settle(["run", "metadata-server"]);
            Assert.That(AppContext.GetData(PoolSpinning.Setting), Is.EqualTo(0));
            PoolSpinning.Settle(["ls"]);
            Assert.That(AppContext.GetData(PoolSpinning.Setting), Is.EqualTo(PoolSpinning.OfClients));
        }
        finally
        {
            AppContext.SetData(PoolSpinning.Setting, before);
        }
    }
}

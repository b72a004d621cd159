using BigFs.Cli.Roles;
using BigFs.Cli.Shell;
using BigFs.Hosting;

namespace BigFs.Cli.Tests.Roles;

internal sealed class RunArgumentsTests
{
    [Test]
    public void A_role_is_started_again_with_its_settings()
    {
        var options = new BigFsRoleHostOptions
        {
            Roles = ["datanode"],
            DataDirectory = "/data/it's here",
            Listen = "127.0.0.1:7404",
            TransferListen = "127.0.0.1:7405",
            NameServer = "127.0.0.1:7400",
            Replicas = 1,
        };

        string line = new ThisProgram("/usr/bin/dotnet", ["/opt/big fs/bigfs.dll"]).CommandLine(RunArguments.Make(options, 42));

        Assert.That(ShellWords.Split(line), Is.EqualTo(new[]
        {
            "/usr/bin/dotnet", "/opt/big fs/bigfs.dll", "run", "datanode", "--data", "/data/it's here", "--listen", "127.0.0.1:7404",
            "--transfer-listen", "127.0.0.1:7405", "--name-server", "127.0.0.1:7400", "--replicas", "1", "--parent", "42",
        }));
    }

    [Test]
    public void A_bus_is_named_with_its_brokers_and_without_its_secrets()
    {
        var options = new BigFsRoleHostOptions { Roles = ["name-server"], Bus = BigFsBusKinds.Kafka };
        (options.Kafka.Servers, options.Kafka.TopicPrefix, options.Kafka.SaslPassword) = ("a:9092,b:9092", "x.", "secret");

        Assert.That(
            RunArguments.Make(options, null),
            Is.EqualTo(new[] { "run", "name-server", "--bus", "kafka", "--kafka", "a:9092,b:9092", "--kafka-prefix", "x." }));
    }

    [Test]
    public void What_is_the_default_is_left_out() => Assert.That(
        RunArguments.Make(new BigFsRoleHostOptions { Roles = ["name-server"] }, null), Is.EqualTo(new[] { "run", "name-server" }));

    [TestCase("/usr/lib/dotnet/dotnet", new[] { "/x/bigfs.dll" })]
    [TestCase("/home/me/.dotnet/tools/bigfs", new string[0])]
    public void The_program_is_itself_or_its_assembly(string processPath, string[] first) =>
        Assert.That(ThisProgram.Of(processPath, "/x/bigfs.dll").FirstArguments, Is.EqualTo(first));
}

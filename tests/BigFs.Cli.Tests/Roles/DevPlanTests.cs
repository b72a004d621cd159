using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Roles;

internal sealed class DevPlanTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void A_new_folder_has_three_datanodes_two_replicas_and_the_fixed_port()
    {
        var plan = DevPlan.Make(null, null, _folder.Path, inMemory: false, null);

        Assert.That((plan.Nodes, plan.Replicas, plan.Port, plan.Remarks().Count()), Is.EqualTo((3, 2, 7400, 0)));
    }

    [Test]
    public void A_second_start_takes_what_the_first_one_kept()
    {
        new DevState { Nodes = 5, Ports = { ["name-server"] = 7555, ["datanode-1"] = 7556 } }.Save(_folder.Path);

        var plan = DevPlan.Make(null, null, _folder.Path, inMemory: false, null);

        Assert.That((plan.Nodes, plan.Port, plan.State.Ports["datanode-1"]), Is.EqualTo((5, 7555, 7556)));
    }

    [Test]
    public void One_datanode_means_one_replica_said_aloud()
    {
        var plan = DevPlan.Make(1, null, null, inMemory: true, 0);

        Assert.That((plan.Replicas, plan.Folder), Is.EqualTo((1, (string?)null)));
        Assert.That(plan.Remarks().Single(), Does.Contain("one replica"));
    }

    [Test]
    public void Fewer_datanodes_than_the_folder_has_is_said_aloud()
    {
        new DevState { Nodes = 3 }.Save(_folder.Path);

        Assert.That(DevPlan.Make(2, null, _folder.Path, inMemory: false, null).Remarks().Single(), Does.Contain("has 3 datanodes, 2 of them"));
    }

    [TestCase("")]
    [TestCase("{\"nodes\":\"x\"}")]
    [TestCase("null")]
    public void A_damaged_memory_is_not_guessed(string content)
    {
        _folder.Write("dev.json", content);

        Assert.That(
            () => DevPlan.Make(null, null, _folder.Path, inMemory: false, null),
            Throws.TypeOf<BigFsException>().With.Property("Code").EqualTo(BigFsErrorCode.DataUnreadable));
    }

    [Test]
    public void The_folder_remembers_how_many_file_servers_there_are()
    {
        new DevState { FileServers = 2 }.Save(_folder.Path);

        Assert.That(DevPlan.Make(null, null, _folder.Path, inMemory: false, null).FileServers, Is.EqualTo(2));
        Assert.That(DevPlan.Make(null, null, null, inMemory: true, null).FileServers, Is.EqualTo(1));
    }
}

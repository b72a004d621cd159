using BigFs.Cli.Settings;

namespace BigFs.Cli.Tests.Settings;

internal sealed class RunConfigurationTests
{
    private static readonly Dictionary<string, string> Nothing = [];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void A_file_is_weaker_than_a_variable_and_that_than_an_argument()
    {
        string file = File("""{"BigFs": {"Roles": ["file-server", "datanode"], "Listen": "file:1", "Replicas": 3, "NameServer": ["a:1", "b:2"]}}""");
        var variables = new Dictionary<string, string> { ["BIGFS_LISTEN"] = "variable:1", ["BIGFS_STOP_TIMEOUT"] = "00:00:05", ["PATH"] = "/bin" };
        var arguments = new Dictionary<string, string> { ["Listen"] = "argument:1" };

        RunOptions options = RunConfiguration.Read(file, variables, arguments).ToOptions();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(options.Host.Roles, Is.EqualTo(["file-server", "datanode"]));
            Assert.That(options.Host.Listen, Is.EqualTo("argument:1"));
            Assert.That(options.Host.Replicas, Is.EqualTo(3));
            Assert.That(options.Host.NameServer, Is.EqualTo("a:1,b:2"));
            Assert.That(options.Host.StopTimeout, Is.EqualTo(TimeSpan.FromSeconds(5)));
        }
    }

    [TestCase("""{"BigFs": {"Lisen": "x"}}""", "BigFs:Lisen")]
    [TestCase("""{"Bigfs2": {}, "Other": 1}""", "Bigfs2")]
    [TestCase("""{"BigFs": {"Listen": {"Port": 1}}}""", "BigFs:Listen")]
    [TestCase("""{"BigFs": """, "cannot be read")]
    public void What_a_file_says_that_nobody_knows_is_refused(string content, string named)
    {
        BigFsException caught = Refused(() => RunConfiguration.Read(File(content), Nothing, Nothing));

        Assert.That(caught.Message, Does.Contain(named).And.Contain(_folder.At("bigfs.json")));
    }

    [Test]
    public void A_file_that_is_missing_is_named() =>
        Assert.That(Refused(() => RunConfiguration.Read(_folder.At("none.json"), Nothing, Nothing)).Message, Does.Contain("none.json"));

    [Test]
    public void A_variable_that_nobody_knows_is_refused_and_those_of_clients_are_let_be()
    {
        var clients = new Dictionary<string, string> { ["BIGFS_ENDPOINT"] = "bigfs://a:1", ["BIGFS_SCENARIOS"] = "1", ["BIGFS_TEST_KAFKA"] = "x" };

        Assert.That(() => RunConfiguration.Read(null, clients, Nothing), Throws.Nothing);
        Assert.That(
            Refused(() => RunConfiguration.Read(null, new Dictionary<string, string> { ["BIGFS_LISTN"] = "x" }, Nothing)).Message,
            Does.Contain("BIGFS_LISTN").And.Contain("BIGFS_LISTEN"));
    }

    [TestCase("Replicas", "many", "whole number")]
    [TestCase("ScrubInterval", "soon", "hh:mm:ss")]
    [TestCase("TransferClientCertificates", "yes", "true or false")]
    [TestCase("TraceShare", "2", "0 to 1")]
    [TestCase("LogFormat", "xml", "text or json")]
    public void A_value_of_the_wrong_kind_is_told_with_its_place(string name, string value, string expected)
    {
        RunSetting setting = RunSetting.All.Single(one => one.Name == name);
        var configuration = RunConfiguration.Read(null, new Dictionary<string, string> { [setting.Variable] = value }, Nothing);

        Assert.That(
            Refused(() => configuration.ToOptions()).Message,
            Does.Contain($"setting {name} is \"{value}\"").And.Contain(setting.Variable).And.Contain(expected));
    }

    [Test]
    public void A_value_out_of_range_is_told_with_its_place()
    {
        string file = File("""{"BigFs": {"Replicas": 9, "Roles": "name-server"}}""");
        var configuration = RunConfiguration.Read(file, Nothing, Nothing);

        BigFsException caught = Refused(() => configuration.ToOptions().Host.Validate());

        Assert.That(
            configuration.Explain(caught).Message,
            Does.Contain("setting Replicas is 9").And.Contain(file).And.Contain("BigFs:Replicas"));
    }

    [Test]
    public void Of_the_secret_and_its_file_the_stronger_place_wins()
    {
        var variables = new Dictionary<string, string> { ["BIGFS_CLUSTER_SECRET"] = "1:ab" };
        RunOptions options = RunConfiguration.Read(
            null, variables, new Dictionary<string, string> { ["ClusterSecretFile"] = "/secret" }).ToOptions();

        Assert.That((options.Host.ClusterSecret, options.Host.ClusterSecretFile), Is.EqualTo(((string?)null, "/secret")));
    }

    [Test]
    public void Every_setting_has_a_variable_and_a_name_of_its_own()
    {
        Assert.That(RunSetting.All.Select(one => one.Variable), Is.Unique);
        Assert.That(RunSetting.All.Select(one => one.Option).OfType<string>(), Is.Unique);
        Assert.That(RunSetting.All.Single(one => one.Name == "PreparedBytesPerNode").Variable, Is.EqualTo("BIGFS_PREPARED_BYTES_PER_NODE"));
    }

    [Test]
    public void The_table_of_settings_in_the_docs_is_complete()
    {
        string page = System.IO.File.ReadAllText(Path.Combine(Errors.ErrorTable.RepositoryRoot(), "docs", "operations.md"));

        foreach (RunSetting setting in RunSetting.All)
        {
            Assert.That(page, Does.Contain($"| `{setting.Name}` | {(setting.Option is { } option ? $"`{option}`" : "")} | `{setting.Variable}` |"));
        }
    }

    private static BigFsException Refused(Action code)
    {
        BigFsException? caught = Assert.Throws<BigFsException>(code);
        Assert.That(caught!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        return caught;
    }

    private string File(string content)
    {
        _folder.Write("bigfs.json", content);
        return _folder.At("bigfs.json");
    }
}

using System.CommandLine;
using BigFs.Cli.Roles;
using BigFs.Hosting.PostgreSql;

namespace BigFs.Cli.Tests.Roles;

internal sealed class MetadataSettingTests
{
    private const string Plain = "postgres:Host=127.0.0.1;Database=d;Username=u", Secret = Plain + ";Password=hush";

    [Test]
    public void Names_are_in_SQLite_unless_something_else_is_said()
    {
        Assert.That(Engine([]), Is.Null);
        Assert.That(Engine(["--metadata", "sqlite"]), Is.Null);
        Assert.That(Engine(["--metadata", Plain, "--metadata-schema", "two"])!.Schema, Is.EqualTo("two"));
    }

    [Test]
    public void A_password_comes_from_a_file_or_the_variable_and_never_from_an_argument()
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, Secret + "\n");
        try
        {
            Assert.That(Engine(["--metadata", "file:" + file])!.ConnectionString, Does.EndWith("Password=hush"));
            Assert.That(Engine([], Secret)!.ConnectionString, Does.EndWith("Password=hush"));
        }
        finally
        {
            File.Delete(file);
        }

        Refused("BIGFS_METADATA", "--metadata", Secret);
        Refused("BIGFS_METADATA", "--metadata", Plain + "; pwd = x");
        Refused("cannot be read", "--metadata", "file:" + file);
        Refused("must be sqlite", "--metadata", "oracle:x");
    }

    [Test]
    public void The_same_setting_is_given_again_without_what_came_from_the_variable()
    {
        var setting = new MetadataSetting();

        Assert.That(
            setting.Again(Parse(setting, ["--metadata", Plain, "--metadata-copies", "2"])),
            Is.EqualTo(new[] { "--metadata", Plain, "--metadata-copies", "2" }));
        Assert.That(setting.Again(Parse(new MetadataSetting(), [])), Is.Empty);
    }

    private static void Refused(string mentions, params string[] arguments) => Assert.That(
        () => Engine(arguments),
        Throws.TypeOf<BigFsException>().With.Message.Contains(mentions).And.Message.Not.Contains("hush"));

    private static BigFsPostgreSql? Engine(string[] arguments, string? variable = null)
    {
        var setting = new MetadataSetting();
        return (BigFsPostgreSql?)setting.Engine(Parse(setting, arguments), name => name == MetadataSetting.Variable ? variable : null);
    }

    private static ParseResult Parse(MetadataSetting setting, string[] arguments)
    {
        var command = new Command("run");
        foreach (Option one in setting.Options)
        {
            command.Options.Add(one);
        }

        return command.Parse(arguments);
    }
}

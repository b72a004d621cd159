using System.Text.Json;
using BigFs.Cli.Output;
using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Roles;

internal sealed class RoleLineTests
{
    [Test]
    public void What_is_written_in_a_ready_line_is_read_back()
    {
        var role = new RoleLine
        {
            Role = "datanode",
            Id = "d1",
            ProcessId = 12,
            Endpoint = "127.0.0.1:1",
            DataDirectory = "/data \"x\"",
            Command = "bigfs run 'datanode'",
        };
        var line = new StringWriter();

        JsonLine.Write(line, writer => RoleLine.WriteAll(writer, [role, role with { Id = "d2" }]));

        Assert.That(RoleLine.ReadAll(line.ToString()), Is.EqualTo(new[] { role, role with { Id = "d2" } }));
    }

    [TestCase("{}")]
    [TestCase("[]")]
    [TestCase("{\"roles\":[{}]}")]
    [TestCase("Ready")]
    public void Something_else_is_no_ready_line(string line) =>
        Assert.That(() => RoleLine.ReadAll(line), Throws.InstanceOf<JsonException>());
}

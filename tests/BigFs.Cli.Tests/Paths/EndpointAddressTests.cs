using BigFs.Cli.Paths;

namespace BigFs.Cli.Tests.Paths;

internal sealed class EndpointAddressTests
{
    [TestCase("bigfs://10.0.0.1:7500", null, "bigfs://10.0.0.1:7500")]
    [TestCase("localhost:7500", "other:1", "bigfs://localhost:7500")]
    [TestCase(null, "127.0.0.1:7500", "bigfs://127.0.0.1:7500")]
    [TestCase("https://door:7480", null, "https://door:7480")]
    [TestCase("http://a:1,b:2", null, "http://a:1/?or=b:2")]
    [TestCase(null, "bigfs://[::1]:7500/", "bigfs://[::1]:7500")]
    [TestCase(null, "", "bigfs://127.0.0.1:7400")]
    [TestCase(null, null, "bigfs://127.0.0.1:7400")]
    public void The_option_comes_first_then_the_variable_then_the_default(string? option, string? variable, string expected) =>
        Assert.That(EndpointAddress.Choose(option, _ => variable), Is.EqualTo(new Uri(expected)));

    [TestCase("localhost")]
    [TestCase("http://localhost:1/path")]
    [TestCase("ftp://localhost:1")]
    [TestCase("bigfs://localhost")]
    [TestCase("bigfs://localhost:99999")]
    [TestCase("bigfs://localhost:1/path")]
    [TestCase("bigfs://")]
    [TestCase("://")]
    [TestCase(" ")]
    [TestCase("")]
    public void What_is_no_endpoint_is_refused_by_the_client_and_named(string text) => Assert.That(
        () => new BigFsClient(EndpointAddress.Parse(text)),
        Throws.TypeOf<BigFsException>()
            .With.Property("Code").EqualTo(BigFsErrorCode.InvalidSettings)
            .And.Message.Contains($"{text}\""));
}

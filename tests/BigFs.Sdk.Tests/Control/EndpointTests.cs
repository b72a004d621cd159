namespace BigFs.Sdk.Tests.Control;

[TestFixture]
internal sealed class EndpointTests
{
    [TestCase("bigfs://a:1", "a:1")]
    [TestCase("bigfs://a:1/", "a:1")]
    [TestCase("bigfs://127.0.0.1:7400,127.0.0.1:7401", "127.0.0.1:7400,127.0.0.1:7401")]
    [TestCase("bigfs://a:1, b:2 ,[::1]:3/", "a:1,b:2,[::1]:3")]
    public void An_endpoint_lists_name_servers(string text, string expected)
    {
        Uri endpoint = BigFsEndpoint.Parse(text);

        Assert.That(BigFsEndpoint.Servers(endpoint), Is.EqualTo(expected));
        Assert.That(BigFsEndpoint.Servers(new Uri(endpoint.OriginalString)), Is.EqualTo(expected));
        Assert.That(BigFs.Internal.ClientSettings.EndpointProblem(endpoint), Is.Null);
    }

    [TestCase("bigfs://a:1,b")]
    [TestCase("bigfs://a:1,b:0")]
    [TestCase("bigfs://a:1,")]
    [TestCase("bigfs://a:1,b:2/path")]
    [TestCase("bigfs://a:1/?and=b:2")]
    [TestCase("bigfs://a:1/?or=")]
    [TestCase("bigfs://a:1/?or=user@b:2")]
    [TestCase("bigfs://a:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1,10:1,11:1,12:1,13:1,14:1,15:1,16:1,17:1")]
    public void A_wrong_list_is_refused_with_the_settings_name(string text)
    {
        Uri endpoint = BigFsEndpoint.Parse(text);

        BigFsException? caught = Assert.Throws<BigFsException>(() => _ = new BigFsClient(endpoint));

        Assert.That(caught!.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(caught.Message, Does.Contain("Endpoint"));
    }

    [TestCase("")]
    [TestCase("nowhere")]
    public void What_is_no_endpoint_is_no_uri(string text)
    {
        Assert.Throws<FormatException>(() => BigFsEndpoint.Parse(text));
    }
}

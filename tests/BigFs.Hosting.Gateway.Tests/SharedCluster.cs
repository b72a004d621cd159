using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests;

/// <summary>A cluster with a gateway and without keys that all tests of a fixture share; each has a folder of its own in it.</summary>
internal abstract class SharedCluster
{
    private int _folders;

    protected GatewayCluster Cluster { get; private set; } = null!;

    protected HttpClient Http { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        Cluster = await GatewayCluster.StartAsync();
        Http = Cluster.Client();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        Http?.Dispose();
        if (Cluster is not null)
        {
            await Cluster.DisposeAsync();
        }
    }

    /// <summary>The address of a file that no other test uses.</summary>
    protected string NewFile(string name = "file") => $"/v1/files/t{Interlocked.Increment(ref _folders)}/{name}";

    protected static byte[] Bytes(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Sends a request with headers.</summary>
    protected async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string target, HttpContent? content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, target) { Content = content };
        foreach ((string name, string value) in headers)
        {
            Assert.That(request.Headers.TryAddWithoutValidation(name, value) || content!.Headers.TryAddWithoutValidation(name, value), name);
        }

        return await Http.SendAsync(request);
    }

    protected async Task<HttpResponseMessage> PutAsync(string target, byte[] content, params (string Name, string Value)[] headers) =>
        await SendAsync(HttpMethod.Put, target, new ByteArrayContent(content), headers);

    protected async Task<HttpResponseMessage> GetAsync(string target, params (string Name, string Value)[] headers) =>
        await SendAsync(HttpMethod.Get, target, null, headers);

    /// <summary>The code of a problem.</summary>
    protected static async Task<string> CodeOfAsync(HttpResponseMessage response)
    {
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        using var body = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.That(body.RootElement.GetProperty("status").GetInt32(), Is.EqualTo((int)response.StatusCode));
        string code = body.RootElement.GetProperty("code").GetString()!;
        Assert.That(body.RootElement.GetProperty("type").GetString(), Is.EqualTo("urn:bigfs:error:" + code));
        return code;
    }
}

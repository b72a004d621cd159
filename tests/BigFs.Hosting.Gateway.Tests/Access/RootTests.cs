using System.Net;
using System.Text;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Access;

/// <summary>A key's root directory holds, whatever a target is made of; and nothing shows what lies beside it.</summary>
[CancelAfter(120_000)]
internal sealed class RootTests
{
    private const string Secret = "what is nobody else's business";

    private static readonly string[] Tricks =
    [
        "../secret", "a/../../secret", "..%2fsecret", "..%2Fsecret", "%2e%2e/secret", "%2E%2E/secret", "%2e%2e%2fsecret", ".%2e/secret",
        "a/%2e%2e/%2e%2e/secret", "/secret", "//secret", "a//b", "./secret", "a/.", "%2Fsecret", "a%2F..%2F..%2Fsecret", "%00", "a%00b", "%c0%ae%c0%ae/secret",
        "%c0%af..%c0%afsecret", "%e0%80%af", "%ff", "%", "%2", "%zz", "..;/secret", "..\\secret", "%5c..%5csecret", "%252e%252e/secret",
        "%ef%bc%8e%ef%bc%8e/secret", "%e2%80%a5/secret", "%ef%bc%8fsecret", "?/../secret", "#/../secret", "..%00/secret", "%2e%2e?x",
    ];

    private static readonly string[] Routes = ["/v1/files/", "/v1/list/", "/v1/files/../list/", "/v1/list/../files/", "/health/../v1/files/", "/v1/%66iles/", "/V1/FILES/"];

    [Test]
    public async Task No_target_leaves_the_root()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true);
        string part = (await cluster.KeyAsync("rwa", "/part")).Text;
        await using BigFsClient admin = cluster.Direct(cluster.AdminKey);
        await admin.UploadAsync("/secret", new MemoryStream(Encoding.UTF8.GetBytes(Secret)));
        await admin.UploadAsync("/other/secret", new MemoryStream(Encoding.UTF8.GetBytes(Secret)));
        List<string> before = await PathsOutsideAsync(admin);
        foreach (string target in Routes.SelectMany(route => Tricks.Select(trick => route + trick))
            .Concat(["*", "http://gateway/v1/files/../secret", "http://gateway//v1/files/secret", "/v1/files", "/v1/list/.."]))
        {
            foreach (string method in new[] { "GET", "HEAD", "PUT", "DELETE" })
            {
                (int status, string answer) = await RawHttp.SendAsync(cluster.Door, method, target, part, method == "PUT" ? [1] : null);

                Assert.That(answer, Does.Not.Contain(Secret).And.Not.Contain("/part").And.Not.Contain("/other"), $"{method} {target}");
                Assert.That(status, Is.LessThan(500), $"{method} {target}");
            }
        }

        Assert.That(await PathsOutsideAsync(admin), Is.EqualTo(before), "nothing was made or removed outside");
    }

    [Test]
    public async Task Names_that_only_look_like_steps_upwards_are_names_within_the_root()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true);
        string part = (await cluster.KeyAsync("rw", "/part")).Text;
        await using BigFsClient admin = cluster.Direct(cluster.AdminKey);
        string[] escaped = ["%ef%bc%8e%ef%bc%8e/x", "%252e%252e/x", "%e2%80%a5/x", "..%5cx", "%ef%bc%8fx", "e%cc%81", "%c3%a9"];
        foreach (string name in escaped)
        {
            Assert.That((await RawHttp.SendAsync(cluster.Door, "PUT", "/v1/files/" + name, part, [1])).Status, Is.EqualTo(201), name);
        }

        List<string> made = [];
        await foreach (BigFsEntry entry in admin.ListAsync("/part", new ListOptions { Recursive = true }))
        {
            made.Add(entry.Path.ToString());
        }

        Assert.That(made, Is.SupersetOf(escaped.Select(name => "/part/" + Uri.UnescapeDataString(name))));
        Assert.That(await PathsOutsideAsync(admin), Is.Empty);
    }

    [Test]
    public async Task Two_clients_with_different_roots_never_see_each_other_not_even_by_a_tag_that_they_know()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true);
        using HttpClient one = Client(cluster, (await cluster.KeyAsync("rw", "/one")).Text);
        string otherKey = (await cluster.KeyAsync("rw", "/other")).Text;
        using HttpClient other = Client(cluster, otherKey);
        (HttpStatusCode status, string onesTag) = await SendAsync(one, HttpMethod.Put);
        Assert.That(status, Is.EqualTo(HttpStatusCode.Created));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((await SendAsync(other, HttpMethod.Get)).Status, Is.EqualTo(HttpStatusCode.NotFound));
            Assert.That((await SendAsync(other, HttpMethod.Get, "If-None-Match", onesTag)).Status, Is.EqualTo(HttpStatusCode.NotFound));
            Assert.That((await SendAsync(other, HttpMethod.Put, "If-Match", onesTag)).Status, Is.EqualTo(HttpStatusCode.PreconditionFailed));
            Assert.That((await SendAsync(other, HttpMethod.Delete, "If-Match", onesTag)).Status, Is.Not.EqualTo(HttpStatusCode.NoContent));
        }

        (_, string othersTag) = await SendAsync(other, HttpMethod.Put);
        await using var client = new BigFsClient(new BigFsClientOptions { Endpoint = new Uri($"http://{cluster.Door}"), ApiKey = otherKey });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(othersTag, Is.Not.EqualTo(onesTag));
            Assert.That((await SendAsync(other, HttpMethod.Get, "If-Match", onesTag)).Status, Is.EqualTo(HttpStatusCode.PreconditionFailed));
            Assert.That((await SendAsync(one, HttpMethod.Get, "If-None-Match", othersTag)).Status, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await client.ListAsync("/", new ListOptions { Recursive = true }).Select(entry => entry.Path.ToString()).ToListAsync(), Is.EqualTo(["/x"]));
        }

        // A path of the other's is one of its own below its root.
        await client.MoveAsync("/x", "/one/x", new MoveOptions { Overwrite = true });
        await using BigFsClient admin = cluster.Direct(cluster.AdminKey);
        Assert.That(await admin.FindAsync("/other/one/x"), Is.Not.Null);
        Assert.That((await SendAsync(one, HttpMethod.Get)).Tag, Is.EqualTo(onesTag), "it is as it was");
    }

    private static HttpClient Client(GatewayCluster cluster, string key)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://{cluster.Door}") };
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return client;
    }

    /// <summary>Sends a request for one file, under a condition or none; what it is answered, and the tag of what stands there.</summary>
    private static async Task<(HttpStatusCode Status, string Tag)> SendAsync(
        HttpClient client, HttpMethod method, string? condition = null, string? tag = null)
    {
        using var request = new HttpRequestMessage(method, "/v1/files/x");
        if (method == HttpMethod.Put)
        {
            request.Content = new ByteArrayContent([1, 2, 3]);
        }

        if (condition is not null)
        {
            request.Headers.TryAddWithoutValidation(condition, tag);
        }

        using HttpResponseMessage response = await client.SendAsync(request);
        return (response.StatusCode, response.Headers.ETag?.ToString() ?? "");
    }

    private static async Task<List<string>> PathsOutsideAsync(BigFsClient admin)
    {
        List<string> paths = [];
        await foreach (BigFsEntry entry in admin.ListAsync("/", new ListOptions { Recursive = true }))
        {
            if (entry.Path != "/part" && !entry.Path.IsBelow("/part"))
            {
                paths.Add(entry.Path.ToString());
            }
        }

        return paths;
    }
}

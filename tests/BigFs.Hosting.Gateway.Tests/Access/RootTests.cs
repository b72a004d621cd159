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

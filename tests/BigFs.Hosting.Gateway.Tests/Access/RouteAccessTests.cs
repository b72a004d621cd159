using System.Net;
using BigFs.Core.Messaging;
using BigFs.Core.Security;
using BigFs.Hosting.Access;
using BigFs.Hosting.Gateway.Access;
using BigFs.Hosting.Gateway.Proxy;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Access;

/// <summary>Every route is known, and refuses whom its policy does not let pass.</summary>
[CancelAfter(120_000)]
internal sealed class RouteAccessTests
{
    private static RoutePolicy[] Guarded => [.. RoutePolicies.Table.Where(policy => policy.Rights != AccessRights.None)];

    [Test]
    public async Task Every_endpoint_is_in_a_table_of_policies()
    {
        await using GatewayServer server = await LoneGateway.StartAsync(new NameServer.NameServer(TimeProvider.System));
        RouteEndpoint[] endpoints = [.. server.Endpoints.Cast<RouteEndpoint>()];
        RouteEndpoint[] own = [.. endpoints.Where(one => one.Metadata.GetMetadata<HasOwnDoor>() is not null)];
        string[] passedOn = [.. ControlProxyConfig.Services.Select(service => $"/{service}/{{method}}")];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(endpoints.Except(own).Select(one => one.Metadata.GetMetadata<RoutePolicy>()), Is.EquivalentTo(RoutePolicies.Table));
            Assert.That(own.Select(one => one.RoutePattern.RawText), Is.SupersetOf(passedOn));
            foreach (RouteEndpoint one in own.Where(one => !passedOn.Contains(one.RoutePattern.RawText)))
            {
                Assert.That(RpcPolicies.ByMethod.Keys, Does.Contain("/" + one.RoutePattern.RawText!.TrimStart('/')), "a method without a policy");
            }

            foreach (string service in ControlProxyConfig.Services)
            {
                Assert.That(
                    RpcPolicies.ByMethod.Where(one => one.Key.StartsWith($"/{service}/", StringComparison.Ordinal)).Select(one => one.Value.Rights),
                    Is.Not.Empty.And.All.Not.EqualTo(AccessRights.None),
                    "what is passed on is for clients");
            }
        }
    }

    [Test]
    public void The_page_about_security_has_the_same_table()
    {
        string[] rows = [.. File.ReadAllLines(Path.Combine(Repository.Root, "docs", "security.md"))
            .Where(line => RoutePolicies.Table.Select(one => one.Method).Distinct().Any(method => line.StartsWith($"| `{method} /", StringComparison.Ordinal)))];

        Assert.That(rows, Is.EquivalentTo(RoutePolicies.Table.Select(one => $"| `{one.Method} {one.Route}` | {Text(one.Rights)} |")));
    }

    [Test]
    public async Task Every_route_refuses_who_has_no_key_or_one_that_is_not_good()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true, datanodes: 0);
        (string id, string revoked) = await cluster.KeyAsync("rwa");
        await cluster.RevokeAsync(id);
        string other = cluster.AdminKey[..^10] + "AAAAAAAAAA";
        using HttpClient client = cluster.Client();
        foreach (RoutePolicy policy in Guarded)
        {
            foreach (string? authorization in new[]
            {
                null, "Bearer nonsense", "Bearer " + other, "Bearer " + revoked, "Digest " + cluster.AdminKey, "Basic !", Basic("x", other), Basic("x", revoked),
            })
            {
                using var request = new HttpRequestMessage(new HttpMethod(policy.Method), policy.Route.Replace("{path}", "a", StringComparison.Ordinal));
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
                HttpResponseMessage response = await client.SendAsync(request);

                Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), $"{policy} with {authorization?[..6]}");
                Assert.That(response.Headers.WwwAuthenticate.Select(one => one.Scheme), Does.Contain("Bearer"));
            }
        }
    }

    [Test]
    public async Task Every_route_refuses_a_key_without_the_right_and_takes_one_that_has_it()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true, datanodes: 0);
        var keys = new Dictionary<AccessRights, string>
        {
            [AccessRights.Read] = (await cluster.KeyAsync("r")).Text,
            [AccessRights.Write] = (await cluster.KeyAsync("w")).Text,
            [AccessRights.Admin] = (await cluster.KeyAsync("a")).Text,
        };
        foreach (RoutePolicy policy in Guarded)
        {
            foreach ((AccessRights right, string key) in keys)
            {
                using HttpClient client = cluster.Client(key);
                using var request = new HttpRequestMessage(new HttpMethod(policy.Method), policy.Route.Replace("{path}", "a", StringComparison.Ordinal));
                HttpStatusCode status = (await client.SendAsync(request)).StatusCode;

                Assert.That(
                    status is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized, Is.EqualTo((right & policy.Rights) == 0), $"{policy} with {right}: {status}");
            }
        }
    }

    [Test]
    public async Task A_key_is_taken_as_a_password_too_and_one_of_writing_alone_learns_nothing()
    {
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true);
        string write = (await cluster.KeyAsync("w", "/drop")).Text;
        using HttpClient client = cluster.Client();
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", Basic("whoever", write));

        HttpResponseMessage first = await PutAsync("*");
        HttpResponseMessage second = await PutAsync("*");
        HttpResponseMessage replaced = await client.PutAsync("/v1/files/a", new ByteArrayContent(new byte[6]));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.StatusCode, Is.EqualTo(HttpStatusCode.Created));
            Assert.That(second.StatusCode, Is.EqualTo(HttpStatusCode.PreconditionFailed));
            Assert.That(replaced.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That((await client.GetAsync("/v1/files/a")).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
            Assert.That((await PutAsync("\"0123456789abcdef\"")).StatusCode, Is.EqualTo(HttpStatusCode.Forbidden), "it needs the right to read");
        }

        async Task<HttpResponseMessage> PutAsync(string noneMatch)
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/files/a") { Content = new ByteArrayContent(new byte[5]) };
            request.Headers.TryAddWithoutValidation("If-None-Match", noneMatch);
            return await client.SendAsync(request);
        }
    }

    private static string Basic(string user, string key) =>
        "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{user}:{key}"));

    private static string Text(AccessRights rights) =>
        rights == AccessRights.None ? "everybody"
        : rights == AccessRights.All ? "any key"
        : string.Join(" or ", new[] { AccessRights.Read, AccessRights.Write, AccessRights.Admin }
            .Where(right => rights.HasFlag(right)).Select(right => right.ToString().ToLowerInvariant()));
}

using System.Net;
using System.Text.Json;
using BigFs.Core.Security;
using BigFs.Hosting.Gateway.Access;
using BigFs.Hosting.Gateway.Problems;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Description;

/// <summary>The OpenAPI document tells of what there is.</summary>
[CancelAfter(60_000)]
internal sealed class DescriptionTests : SharedCluster
{
    private JsonElement _document;

    [OneTimeSetUp]
    public async Task ReadAsync()
    {
        using var document = JsonDocument.Parse(await Http.GetStringAsync("/v1/openapi.json"));
        _document = document.RootElement.Clone();
    }

    [Test]
    public void It_has_every_route_and_no_other_and_says_which_need_a_key()
    {
        var described = Operations().Select(one => (
            Method: one.Method.ToUpperInvariant(),
            one.Path,
            Open: one.Operation.TryGetProperty("security", out JsonElement security) && security.GetArrayLength() == 0));

        Assert.That(
            described, Is.EquivalentTo(RoutePolicies.Table.Select(one => (one.Method, one.Route, one.Rights == AccessRights.None))));
        Assert.That(_document.GetProperty("openapi").GetString(), Is.EqualTo("3.1.0"));
        Assert.That(Operations().Select(one => one.Operation.GetProperty("operationId").GetString()), Is.Unique);
    }

    [Test]
    public void Every_reference_leads_somewhere_and_everything_is_referred_to()
    {
        string[] references = [.. References(_document).Distinct()];
        string[] parts =
        [
            .. _document.GetProperty("components").EnumerateObject().Where(kind => kind.Name != "securitySchemes")
                .SelectMany(kind => kind.Value.EnumerateObject().Select(one => $"#/components/{kind.Name}/{one.Name}")),
        ];

        Assert.That(references, Is.EquivalentTo(parts));
    }

    [Test]
    public void Statuses_are_those_that_codes_and_routes_have()
    {
        string[] ofCodes =
        [
            .. Enum.GetValues<BigFsErrorCode>().Select(code => Problem.StatusOf(code).ToString(System.Globalization.CultureInfo.InvariantCulture)).Distinct(),
        ];
        string[] described = [.. Operations().SelectMany(one => one.Operation.GetProperty("responses").EnumerateObject().Select(status => status.Name)).Distinct()];

        Assert.That(ofCodes, Is.SubsetOf(described));
        Assert.That(described.Except(ofCodes), Is.EquivalentTo(["200", "201", "204", "206", "304", "416"]));
    }

    [Test]
    public async Task Options_that_it_tells_of_are_taken_and_others_refused()
    {
        foreach ((string method, string path, JsonElement operation) in Operations().Where(one => one.Path.Contains("{path}", StringComparison.Ordinal)))
        {
            string target = path.Replace("{path}", "", StringComparison.Ordinal);
            using var refused = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), target + "x?nonsense=1");
            Assert.That((await Http.SendAsync(refused)).StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), $"{method} {path}");
            if (!operation.TryGetProperty("parameters", out JsonElement parameters))
            {
                continue;
            }

            foreach (string name in parameters.EnumerateArray().Select(Parameter).Where(one => one.GetProperty("in").GetString() == "query")
                .Select(one => one.GetProperty("name").GetString()!))
            {
                using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), $"{target}x?{name}=true");
                string answer = await (await Http.SendAsync(request)).Content.ReadAsStringAsync();
                Assert.That(answer, Does.Not.Contain("is not known"), $"{method} {path} {name}");
            }
        }
    }

    private JsonElement Parameter(JsonElement reference) => _document.GetProperty("components").GetProperty("parameters")
        .GetProperty(reference.GetProperty("$ref").GetString()!.Split('/')[^1]);

    private IEnumerable<(string Method, string Path, JsonElement Operation)> Operations() =>
        _document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()
            .Where(one => one.Name != "parameters")
            .Select(one => (one.Name, path.Name, one.Value)));

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(
            one => one.Name == "$ref" ? [one.Value.GetString()!] : References(one.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}

using System.Reflection;
using BigFs.Core.Security;
using BigFs.Hosting.Access;
using BigFs.Hosting.Access.Grpc;
using BigFs.Internal.Grpc;
using Google.Protobuf.Reflection;
using Grpc.Core;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>Every call that is served has a policy, and what the policy refuses is refused.</summary>
[CancelAfter(120_000)]
internal sealed class RpcPolicyTests
{
    /// <summary>Every method of every service, as the generated descriptors have them.</summary>
    private static MethodDescriptor[] Methods { get; } =
    [
        .. typeof(Protocol.Empty).Assembly.GetTypes()
            .Where(type => type.Name.EndsWith("Reflection", StringComparison.Ordinal))
            .Select(type => type.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null))
            .OfType<FileDescriptor>()
            .SelectMany(file => file.Services)
            .SelectMany(service => service.Methods),
    ];

    /// <summary>Those that roles serve on their control ports; the gateway's own are tested with a gateway.</summary>
    private static IEnumerable<MethodDescriptor> Served => Methods.Where(method => method.Service.FullName != ContentMethods.Service);

    private static IEnumerable<string> Names => Methods.Select(NameOf);

    [Test]
    public void Every_method_has_a_policy_and_every_policy_a_method()
    {
        Assert.That(Methods, Has.Length.GreaterThan(40));
        Assert.That(RpcPolicies.ByMethod.Keys.Where(name => name.StartsWith("/bigfs.", StringComparison.Ordinal)), Is.EquivalentTo(Names));
        Assert.That(
            RpcPolicies.ByMethod.Where(one => !one.Value.IsOpen && one.Value.Rights == AccessRights.None && one.Value.Callers.IsEmpty),
            Is.Empty,
            "methods that nobody may call");
    }

    [Test]
    public void Every_operation_of_the_stream_has_a_policy_as_its_unary_form_has()
    {
        Assert.That(
            StreamPolicies.ByOperation.Keys,
            Is.EquivalentTo(Enum.GetValues<Protocol.Call.OperationOneofCase>().Where(one => one != Protocol.Call.OperationOneofCase.None)));
        foreach ((Protocol.Call.OperationOneofCase operation, AccessRights rights) in StreamPolicies.ByOperation)
        {
            RpcPolicy? unary = RpcPolicies.ByMethod.GetValueOrDefault($"/bigfs.v1.FileServer/{operation}");
            Assert.That(rights, Is.EqualTo(unary?.Rights ?? AccessRights.None), operation.ToString());
        }

        Assert.That(StreamPolicies.RightsFor((Protocol.Call.OperationOneofCase)999), Is.EqualTo(AccessRights.None));
    }

    [Test]
    public void The_page_about_security_has_the_same_table()
    {
        string page = File.ReadAllText(Path.Combine(RepositoryFolder(), "docs", "security.md"));
        string[] rows = [.. page.Split('\n').Where(line => line.StartsWith("| `/", StringComparison.Ordinal))];

        Assert.That(rows, Is.EquivalentTo(RpcPolicies.ByMethod.Select(one => $"| `{one.Key}` | {Text(one.Value)} |")));
    }

    [Test]
    public async Task Every_method_refuses_who_has_no_key_or_one_that_is_no_longer_good()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        (string id, string revoked) = await cluster.KeyAsync("rwa");
        DateTimeOffset end = DateTimeOffset.UtcNow + TimeSpan.FromMilliseconds(50);
        (string _, string expired) = await cluster.KeyAsync("rwa", expires: end);
        await cluster.RevokeAsync(id);
        Assert.That(SpinWait.SpinUntil(() => DateTimeOffset.UtcNow > end, TimeSpan.FromSeconds(5)), "the second key ends");
        string other = revoked[..^10] + "AAAAAAAAAA";
        await Task.WhenAll(Served.Select(async method =>
        {
            foreach (string? key in new[] { null, "nonsense", other, revoked, expired })
            {
                BigFsErrorCode code = await CallAsync(cluster, method, key);
                bool forRoles = RpcPolicies.ByMethod[NameOf(method)].Rights == AccessRights.None;
                Assert.That(
                    code,
                    Is.EqualTo(forRoles && key is not null ? BigFsErrorCode.NotAllowed : BigFsErrorCode.Unauthenticated),
                    $"{NameOf(method)} with {key ?? "no key"}");
            }
        }));
    }

    [Test]
    public async Task Every_method_refuses_a_key_without_the_right_and_those_for_roles_refuse_every_key()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        var keys = new Dictionary<AccessRights, string>
        {
            [AccessRights.Read] = (await cluster.KeyAsync("r")).Text,
            [AccessRights.Write] = (await cluster.KeyAsync("w")).Text,
            [AccessRights.Admin] = (await cluster.KeyAsync("a")).Text,
        };
        foreach (MethodDescriptor method in Served)
        {
            RpcPolicy policy = RpcPolicies.ByMethod[NameOf(method)];
            foreach ((AccessRights right, string key) in keys.Where(one => (one.Key & policy.Rights) == 0))
            {
                Assert.That(
                    await CallAsync(cluster, method, key), Is.EqualTo(BigFsErrorCode.NotAllowed), $"{NameOf(method)} with {right}");
            }
        }
    }

    [Test]
    public async Task What_is_about_the_whole_cluster_refuses_an_administrator_of_a_part()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        string part = (await cluster.KeyAsync("rwa", "/part")).Text;
        MethodDescriptor[] whole = [.. Methods.Where(method => RpcPolicies.ByMethod[NameOf(method)].NeedsWholeRoot)];

        using var folder = new Persistence.TemporaryDirectory();
        await using var operators = new BigFsAdmin(cluster.ClientOptions(cluster.AdminKey));
        BigFsBackup backup = await operators.BackupAsync(Path.Combine(folder.Path, "backup"));
        Assert.That(backup.File, Does.Exist);
        Assert.That(whole, Is.Not.Empty);
        foreach (MethodDescriptor method in whole)
        {
            Assert.That(await CallAsync(cluster, method, part), Is.EqualTo(BigFsErrorCode.NotAllowed), NameOf(method));
        }
    }

    [Test]
    public async Task Every_method_refuses_a_role_that_may_not_call_it_and_tokens_that_are_no_good()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        byte[] node = cluster.DataNode.ToByteArray(bigEndian: true);
        var signer = new RoleTokenSigner(ClusterSecret.Parse(KeyedCluster.Secret, "test"), 1, TimeProvider.System);
        var forger = new RoleTokenSigner(ClusterSecret.Create(new byte[32]), 2, TimeProvider.System);
        var past = new RoleTokenSigner(
            ClusterSecret.Parse(KeyedCluster.Secret, "test"), 3, new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow.AddMinutes(-5)));
        foreach (MethodDescriptor method in Served)
        {
            string name = NameOf(method);
            RpcPolicy policy = RpcPolicies.ByMethod[name];
            byte[] target = method.Service.Name == "DataNode" ? node : [];
            byte callee = (byte)policy.Callee;
            byte[] Other(byte caller) => signer.Sign(caller, callee, name, target);
            foreach (byte caller in Enumerable.Range(0, 10).Select(i => (byte)i).Where(i => !policy.Callers.Contains((Core.Control.ServiceRole)i)))
            {
                Assert.That(await CallAsync(cluster, method, null, Other(caller)), Is.EqualTo(BigFsErrorCode.NotAllowed), $"{name} by {caller}");
            }

            if (!policy.Callers.IsEmpty)
            {
                byte right = (byte)policy.Callers[0];
                byte[] used = signer.Sign(right, callee, name, target);
                _ = await CallAsync(cluster, method, null, used, seconds: 2);
                Assert.Multiple(async () =>
                {
                    Assert.That(await CallAsync(cluster, method, null, used), Is.EqualTo(BigFsErrorCode.Unauthenticated), $"{name}, replayed");
                    Assert.That(
                        await CallAsync(cluster, method, null, forger.Sign(right, callee, name, target)),
                        Is.EqualTo(BigFsErrorCode.Unauthenticated),
                        $"{name}, forged");
                    Assert.That(
                        await CallAsync(cluster, method, null, past.Sign(right, callee, name, target)),
                        Is.EqualTo(BigFsErrorCode.Unauthenticated),
                        $"{name}, expired");
                    Assert.That(
                        await CallAsync(cluster, method, null, signer.Sign(right, callee, name + "x", target)),
                        Is.EqualTo(BigFsErrorCode.Unauthenticated),
                        $"{name}, for another call");
                });
            }
        }
    }

    [Test]
    public async Task The_first_key_lies_in_a_file_of_its_owner_alone_and_no_second_one_is_made()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();

        Assert.That(AccessKey.TryParse(cluster.AdminKey), Is.Not.Null);
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(cluster.AdminKeyFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        await using BigFsAccessKeys keys = BigFsAccessKeys.Connect(cluster.ClientOptions(cluster.AdminKey));
        Assert.That((await keys.ListAsync()).Select(key => (key.Id, key.CanAdminister)), Is.EqualTo(new[] { (cluster.AdminKey.Substring(6, 16), true) }));
    }

    private static string NameOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    private static string Text(RpcPolicy policy)
    {
        string clients = policy.NeedsWholeRoot ? "admin of all"
            : policy.Rights == AccessRights.All ? "any key"
            : policy.Rights == AccessRights.None ? ""
            : string.Join(" or ", policy.Rights.ToString().ToLowerInvariant().Split(", "));
        string roles = policy.Callers.Length == Enum.GetValues<Core.Control.ServiceRole>().Length
            ? "every role"
            : string.Join(", ", policy.Callers.Select(RoleNames.Name));
        return policy.IsOpen ? "everybody | " : $"{clients} | {roles}";
    }

    private static string RepositoryFolder()
    {
        string folder = TestContext.CurrentContext.TestDirectory;
        while (!File.Exists(Path.Combine(folder, "BigFs.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    /// <summary>Calls with an empty message and gives the code of the error; Internal when it was served.</summary>
    private static async Task<BigFsErrorCode> CallAsync(KeyedCluster cluster, MethodDescriptor method, string? key, byte[]? token = null, int seconds = 30, int tries = 4)
    {
        Marshaller<byte[]> bytes = Marshallers.Create(value => value, value => value);
        var type = (method.IsClientStreaming, method.IsServerStreaming) switch
        {
            (false, false) => MethodType.Unary,
            (true, false) => MethodType.ClientStreaming,
            (false, true) => MethodType.ServerStreaming,
            _ => MethodType.DuplexStreaming,
        };
        var call = new Method<byte[], byte[]>(type, method.Service.FullName, method.Name, bytes, bytes);
        var headers = new global::Grpc.Core.Metadata { { "bigfs-node-bin", cluster.DataNode.ToByteArray(bigEndian: true) } };
        if (method.Service.Name != "DataNode")
        {
            headers.Clear();
        }

        if (key is not null)
        {
            headers.Add(AccessGate.KeyHeader, "Bearer " + key);
        }

        if (token is not null)
        {
            headers.Add(AccessGate.RoleHeader, token);
        }

        CallInvoker invoker = cluster.Invoker(method.Service.FullName);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var options = new CallOptions(headers, cancellationToken: limit.Token);
        try
        {
            switch (type)
            {
                case MethodType.Unary:
                    await invoker.AsyncUnaryCall(call, null, options, []);
                    break;
                case MethodType.ClientStreaming:
                    using (AsyncClientStreamingCall<byte[], byte[]> stream = invoker.AsyncClientStreamingCall(call, null, options))
                    {
                        await stream.RequestStream.CompleteAsync();
                        await stream;
                    }

                    break;
                case MethodType.ServerStreaming:
                    using (AsyncServerStreamingCall<byte[]> stream = invoker.AsyncServerStreamingCall(call, null, options, []))
                    {
                        await stream.ResponseStream.MoveNext(limit.Token);
                    }

                    break;
                default:
                    using (AsyncDuplexStreamingCall<byte[], byte[]> stream = invoker.AsyncDuplexStreamingCall(call, null, options))
                    {
                        await stream.RequestStream.CompleteAsync();
                        await stream.ResponseStream.MoveNext(limit.Token);
                    }

                    break;
            }
        }
        catch (RpcException refused) when (WireErrors.Sent(refused, "") is { } sent)
        {
            Assert.That(refused.StatusCode, Is.EqualTo(WireErrors.StatusOf(sent.Code)), $"{method.FullName}");
            return sent.Code;
        }
        catch (RpcException cut) when (cut.StatusCode is StatusCode.Cancelled && !limit.IsCancellationRequested && tries > 0)
        {
            // The server's word was overtaken by its reset of a stream that the client was still ending.
            return await CallAsync(cluster, method, key, token, seconds, tries - 1);
        }
        catch (RpcException served) when (served.StatusCode is StatusCode.Cancelled)
        {
            // A stream that stands open.
        }

        return BigFsErrorCode.Internal;
    }
}

using System.Collections.Frozen;
using BigFs.Core.Control;
using BigFs.Core.Security;
using static BigFs.Core.Security.AccessRights;

namespace BigFs.Hosting.Access;

/// <summary>
/// The one table of who may call what; <c>docs/security.md</c> has the same. A method that does not stand here is refused to
/// everybody, so nothing is served that nobody thought of.
/// </summary>
internal static class RpcPolicies
{
    private const AccessRights Any = All;

    private const ServiceRole Names = ServiceRole.NameServer;
    private const ServiceRole Metadata = ServiceRole.MetadataServer;
    private const ServiceRole Manager = ServiceRole.NodeManager;
    private const ServiceRole Files = ServiceRole.FileServer;
    private const ServiceRole Data = ServiceRole.DataNode;
    private const ServiceRole Door = ServiceRole.Gateway;

    private static readonly RpcPolicy AnyRole = RpcPolicy.Roles([.. Enum.GetValues<ServiceRole>()]);

    private static readonly (string Service, ServiceRole Callee, (string Method, RpcPolicy Policy)[] Methods)[] Table =
    [
        ("bigfs.v1.NameServer", Names,
        [
            ("Register", AnyRole),
            ("Release", AnyRole),
            ("Resolve", RpcPolicy.Both(Any, AnyRole.Callers)),
            ("Watch", RpcPolicy.Both(Any, AnyRole.Callers)),
        ]),
        ("grpc.health.v1.Health", Names,
        [
            ("Check", RpcPolicy.Open()),
            ("List", RpcPolicy.Open()),
            ("Watch", RpcPolicy.Open()),
        ]),
        ("bigfs.v1.ClusterBus", Names, [("Publish", AnyRole), ("Subscribe", AnyRole)]),
        ("bigfs.v1.FileServer", Files,
        [
            ("BeginUpload", RpcPolicy.Client(Write)),
            ("Grant", RpcPolicy.Client(Write)),
            ("RenewUpload", RpcPolicy.Client(Write)),
            ("CommitUpload", RpcPolicy.Client(Write)),
            ("AbortUpload", RpcPolicy.Client(Write)),
            ("BeginShared", RpcPolicy.Client(Write)),
            ("CommitFile", RpcPolicy.Client(Write)),
            ("AbortFile", RpcPolicy.Client(Write)),
            ("Open", RpcPolicy.Client(Read)),
            ("Locate", RpcPolicy.Client(Read)),
            ("Find", RpcPolicy.Client(Read)),
            ("List", RpcPolicy.Client(Read)),
            ("StreamList", RpcPolicy.Client(Read)),
            ("StageChunks", RpcPolicy.Client(Write)),
            ("ReadManifest", RpcPolicy.Client(Read)),
            ("RenewRead", RpcPolicy.Client(Read)),
            ("StartTotals", RpcPolicy.Client(Read)),
            ("FindJob", RpcPolicy.Client(Read | Write)),
            ("CancelJob", RpcPolicy.Client(Read)),
            ("CreateDirectory", RpcPolicy.Client(Write)),
            ("Delete", RpcPolicy.Client(Write)),
            ("Move", RpcPolicy.Client(Write)),
            ("Report", RpcPolicy.Client(Read | Write)),
            ("Exchange", RpcPolicy.Client(Read | Write)),
        ]),
        ("bigfs.v1.Content", Files,
        [
            ("Upload", RpcPolicy.Client(Write)),
            ("Download", RpcPolicy.Client(Read)),
        ]),
        ("bigfs.v1.AccessKeys", Files,
        [
            ("Create", RpcPolicy.Client(Admin)),
            ("List", RpcPolicy.Client(Admin)),
            ("Revoke", RpcPolicy.Client(Admin)),
        ]),
        ("bigfs.v1.MetadataServer", Metadata,
        [
            ("NextIncarnation", RpcPolicy.Roles(Files)),
            ("Find", RpcPolicy.Roles(Files)),
            ("List", RpcPolicy.Roles(Files)),
            ("StreamList", RpcPolicy.Roles(Files)),
            ("BeginUpload", RpcPolicy.Roles(Files)),
            ("RenewUpload", RpcPolicy.Roles(Files)),
            ("CommitUpload", RpcPolicy.Roles(Files)),
            ("AbortUpload", RpcPolicy.Roles(Files)),
            ("BeginShared", RpcPolicy.Roles(Files)),
            ("CommitFile", RpcPolicy.Roles(Files)),
            ("AbortFile", RpcPolicy.Roles(Files)),
            ("StageChunks", RpcPolicy.Roles(Files)),
            ("ReadManifest", RpcPolicy.Roles(Files)),
            ("RenewRead", RpcPolicy.Roles(Files)),
            ("FindOwners", RpcPolicy.Roles(Files)),
            ("StartTotals", RpcPolicy.Roles(Files)),
            ("FindJob", RpcPolicy.Roles(Files)),
            ("ListJobs", RpcPolicy.Roles(Files)),
            ("CancelJob", RpcPolicy.Roles(Files)),
            ("CreateDirectory", RpcPolicy.Roles(Files)),
            ("Delete", RpcPolicy.Roles(Files)),
            ("Move", RpcPolicy.Roles(Files)),
            ("Exchange", RpcPolicy.Roles(Files)),
        ]),
        ("bigfs.v1.MetadataAdmin", Metadata,
        [
            ("Backup", RpcPolicy.Operators()),
            ("Identity", RpcPolicy.Operators()),
            ("RaiseGeneration", RpcPolicy.Operators()),
            ("ResumeCollection", RpcPolicy.Operators()),
            ("Check", RpcPolicy.Operators()),
        ]),
        ("bigfs.v1.NodeManagerAdmin", Manager, [("Backup", RpcPolicy.Operators())]),
        ("bigfs.v1.AccessKeyStore", Metadata,
        [
            ("Add", RpcPolicy.Roles(Files)),
            ("Find", RpcPolicy.Roles(Files, Names, Manager, Door)),
            ("List", RpcPolicy.Roles(Files)),
            ("Revoke", RpcPolicy.Roles(Files)),
        ]),
        ("bigfs.v1.NodeManager", Manager,
        [
            ("Register", RpcPolicy.Roles(Data)),
            ("BindNamespace", RpcPolicy.Roles(Metadata)),
            ("GetMap", RpcPolicy.Both(Admin, Files, Metadata)),
            ("EnsureWritable", RpcPolicy.Roles(Files)),
            ("Report", RpcPolicy.Roles(Files, Data)),
        ]),
        ("bigfs.v1.DataNode", Data,
        [
            ("Probe", RpcPolicy.Roles(Manager, Metadata)),
            ("OpenVolume", RpcPolicy.Roles(Manager)),
            ("Fence", RpcPolicy.Roles(Manager)),
            ("Seal", RpcPolicy.Roles(Manager)),
            ("ListChunks", RpcPolicy.Roles(Manager, Metadata)),
            ("Digest", RpcPolicy.Roles(Manager)),
            ("Fetch", RpcPolicy.Roles(Manager)),
            ("Delete", RpcPolicy.Roles(Metadata, Manager)),
            ("AcceptGeneration", RpcPolicy.Roles(Metadata)),
            ("Verify", RpcPolicy.Roles(Manager, Metadata)),
        ]),
    ];

    /// <summary>Every policy by the method's full name, "/package.Service/Method".</summary>
    public static FrozenDictionary<string, RpcPolicy> ByMethod { get; } = Table
        .SelectMany(service => service.Methods.Select(method => (
            Name: $"/{service.Service}/{method.Method}", Policy: method.Policy with { Callee = service.Callee })))
        .ToFrozenDictionary(one => one.Name, one => one.Policy, StringComparer.Ordinal);
}

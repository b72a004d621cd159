using System.Reflection;
using BigFs.Core.Control;

namespace BigFs.Hosting;

/// <summary>The roles and their names, as settings, the command line and leases write them.</summary>
internal static class RoleNames
{
    private static readonly (ServiceRole Role, string Name)[] All =
    [
        (ServiceRole.NameServer, BigFsRoleNames.NameServer),
        (ServiceRole.MetadataServer, BigFsRoleNames.MetadataServer),
        (ServiceRole.NodeManager, BigFsRoleNames.NodeManager),
        (ServiceRole.FileServer, BigFsRoleNames.FileServer),
        (ServiceRole.DataNode, BigFsRoleNames.DataNode),
        (ServiceRole.Gateway, BigFsRoleNames.Gateway),
    ];

    /// <summary>The version of BigFS that this is.</summary>
    private static readonly string ProgramVersion =
        typeof(RoleNames).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    public static string Name(ServiceRole role) => All.Single(one => one.Role == role).Name;

    /// <exception cref="BigFsException">InvalidSettings: no role has that name.</exception>
    public static ServiceRole Parse(string name)
    {
        foreach ((ServiceRole role, string known) in All)
        {
            if (known == name)
            {
                return role;
            }
        }

        throw new BigFsException(
            BigFsErrorCode.InvalidSettings,
            $"\"{name}\" is no role; the roles are {string.Join(", ", BigFsRoleNames.All)}.");
    }

    /// <summary>The identity of a role that has none of its own: "role@endpoint" where it listens, else the role's name.</summary>
    public static string Id(ServiceRole role, string endpoint) =>
        endpoint.Length > 0 ? Name(role) + "@" + endpoint : Name(role);

    /// <summary>An instance of a role in this process.</summary>
    public static ServiceInstance Instance(ServiceRole role, string id, string endpoint) => new()
    {
        Role = role,
        Id = id,
        Endpoint = endpoint,
        ProcessId = Environment.ProcessId,
        Host = HostIdentity.OfThisProcess,
        Version = ProgramVersion,
    };
}

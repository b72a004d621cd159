using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Internal;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting;

/// <summary>One instance of a role that the name server holds a lease of.</summary>
public sealed record BigFsInstance
{
    /// <summary>The role, one of <see cref="BigFsRoleNames"/>.</summary>
    public required string Role { get; init; }

    /// <summary>Its identity within the role.</summary>
    public required string Id { get; init; }

    /// <summary>Where its control service listens, "host:port".</summary>
    public required string Endpoint { get; init; }

    /// <summary>The version of BigFS that it runs; empty when it does not say it.</summary>
    public string Version { get; init; } = "";

    /// <summary>Its process where that is one which this process sees (the same machine, since its last start); else null.</summary>
    public int? LocalProcessId { get; init; }

    /// <summary>The instances of all roles whose leases live, by role and id.</summary>
    /// <param name="endpoint">The cluster, "bigfs://host:port".</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <exception cref="BigFsException">Unavailable, TimedOut.</exception>
    public static Task<IReadOnlyList<BigFsInstance>> ListAsync(Uri endpoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return ListAsync(new BigFsClientOptions { Endpoint = endpoint }, cancellationToken);
    }

    /// <summary>The instances of all roles whose leases live, by role and id.</summary>
    /// <param name="options">How the cluster is reached.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <exception cref="BigFsException">Unavailable, TimedOut, Unauthenticated, InvalidSettings.</exception>
    public static async Task<IReadOnlyList<BigFsInstance>> ListAsync(
        BigFsClientOptions options, CancellationToken cancellationToken = default)
    {
        var settings = ClientSettings.OfNameServer(options);
        var timeouts = new ControlTimeouts();
        using var channels = new ChannelCache(timeouts.Connect, ChannelSecurity.Of(settings.ApiKey, settings.ControlTls));
        await using var names = new GrpcNameServer(
            BigFsEndpoint.Servers(settings.Endpoint!)!, channels, timeouts, TimeProvider.System);
        var found = new List<BigFsInstance>();
        foreach (ServiceRole role in Enum.GetValues<ServiceRole>())
        {
            ImmutableArray<ServiceInstance> instances =
                await names.ResolveAsync(role, cancellationToken).ConfigureAwait(false);
            found.AddRange(instances.Select(Of));
        }

        return found;
    }

    internal static BigFsInstance Of(ServiceInstance instance) => new()
    {
        Role = RoleNames.Name(instance.Role),
        Id = instance.Id,
        Endpoint = instance.Endpoint,
        Version = instance.Version,
        LocalProcessId = instance.ProcessId > 0 && instance.Host.Length > 0 && instance.Host == HostIdentity.OfThisProcess
            ? instance.ProcessId
            : null,
    };
}

using System.Collections.Immutable;

namespace BigFs.Core.Control;

/// <summary>The name server: who serves what, where. Its state is soft: leases that their owners renew. Thread-safe.</summary>
public interface INameServer : IInstanceWatch
{
    /// <summary>Registers an instance or renews its lease; the same instance again replaces what was known of it.</summary>
    /// <returns>How long the lease lasts; renew well before.</returns>
    ValueTask<TimeSpan> RegisterAsync(ServiceInstance instance, CancellationToken cancellationToken);

    /// <summary>Ends an instance's lease at once; unknown ones are fine.</summary>
    ValueTask ReleaseAsync(ServiceRole role, string id, CancellationToken cancellationToken);

    /// <summary>The instances of a role whose leases live, ordered by id.</summary>
    ValueTask<ImmutableArray<ServiceInstance>> ResolveAsync(ServiceRole role, CancellationToken cancellationToken);
}

/// <summary>The roles of a cluster.</summary>
public enum ServiceRole
{
    /// <summary>Who serves what, where.</summary>
    NameServer = 1,

    /// <summary>The namespace.</summary>
    MetadataServer = 2,

    /// <summary>Datanode liveness and the volume map.</summary>
    NodeManager = 3,

    /// <summary>The stateless front of the control plane.</summary>
    FileServer = 4,

    /// <summary>Volumes full of chunks.</summary>
    DataNode = 5,

    /// <summary>The one door for applications outside.</summary>
    Gateway = 6,
}

/// <summary>One running instance of a role.</summary>
public sealed record ServiceInstance
{
    /// <summary>The role.</summary>
    public required ServiceRole Role { get; init; }

    /// <summary>Its identity within the role; stable over restarts where the role has one.</summary>
    public required string Id { get; init; }

    /// <summary>Where its control service listens, "host:port".</summary>
    public required string Endpoint { get; init; }

    /// <summary>The process that it runs in, as <see cref="Host"/> counts processes; 0 when it is not known.</summary>
    public int ProcessId { get; init; }

    /// <summary>
    /// What running system the process id belongs to: equal for two instances that see each other's processes, another
    /// one after a restart of the machine. Empty when it is not known.
    /// </summary>
    public string Host { get; init; } = "";

    /// <summary>The version of BigFS that it runs; empty when it is not known.</summary>
    public string Version { get; init; } = "";
}

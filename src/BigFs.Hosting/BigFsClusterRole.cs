namespace BigFs.Hosting;

/// <summary>A role that runs in this process.</summary>
public sealed record BigFsClusterRole
{
    /// <summary>"name-server", "metadata-server", "node-manager", "file-server", "datanode" or "gateway".</summary>
    public string Role { get; init; } = "";

    /// <summary>Its identity within the role: a datanode's own; else "role@endpoint" where it listens, else the role's name.</summary>
    public string Id { get; init; } = "";

    /// <summary>
    /// Where it listens, "host:port": its control service, or a datanode's transfer protocol; empty when it does not.
    /// </summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Its folder; empty when it has none.</summary>
    public string DataDirectory { get; init; } = "";
}

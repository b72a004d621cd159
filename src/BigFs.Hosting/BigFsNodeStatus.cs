namespace BigFs.Hosting;

/// <summary>A datanode as the node manager sees it.</summary>
public sealed record BigFsNodeStatus
{
    /// <summary>Its identity.</summary>
    public required string Id { get; init; }

    /// <summary>Its state, as docs/state-tables.md names them.</summary>
    public required string State { get; init; }

    /// <summary>Where its control service listens, "host:port".</summary>
    public required string ControlEndpoint { get; init; }

    /// <summary>Where its transfer protocol listens, "host:port".</summary>
    public required string TransferEndpoint { get; init; }

    /// <summary>How many volumes it is a member of.</summary>
    public required int Volumes { get; init; }
}

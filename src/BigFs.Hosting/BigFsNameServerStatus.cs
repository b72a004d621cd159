namespace BigFs.Hosting;

/// <summary>A name server that was asked how the cluster fares.</summary>
public sealed record BigFsNameServerStatus
{
    /// <summary>Where, "host:port".</summary>
    public required string Endpoint { get; init; }

    /// <summary>Why it did not answer; empty when it did.</summary>
    public required string Failure { get; init; }

    /// <summary>How many leases live there.</summary>
    public required int Leases { get; init; }
}

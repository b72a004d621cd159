namespace BigFs.Internal.Grpc;

/// <summary>How long the control plane's clients try.</summary>
internal sealed record ControlTimeouts
{
    /// <summary>How long to try to reach an endpoint before it counts as unreachable; default 5 s.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long one operation may take with its retries; default 30 s.</summary>
    public TimeSpan Operation { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one batch of chunks that a datanode fetches from a peer may take; default 5 min.</summary>
    public TimeSpan Fetch { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whether an operation keeps trying while a role is away, up to <see cref="Operation"/>: for the roles themselves,
    /// which start in any order. Otherwise (default) it fails at once when a fixed endpoint refuses the connection, and
    /// after <see cref="Connect"/> when a role cannot be found.
    /// </summary>
    public bool WaitForRole { get; init; }
}

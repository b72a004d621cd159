namespace BigFs.Internal.Grpc;

/// <summary>
/// What a call tells the balancer of its channel, and learns from it. It travels beside the call, in the flow that sends
/// it: gRPC gives a call no other place for it.
/// </summary>
internal sealed class CallRoute
{
    private static readonly AsyncLocal<CallRoute?> Flow = new();

    /// <summary>The route of the call that is being sent; null for one that said nothing.</summary>
    public static CallRoute? Current
    {
        get => Flow.Value;
        set => Flow.Value = value;
    }

    /// <summary>Instances that failed in this operation, as endpoints.</summary>
    public required HashSet<string> Avoid { get; init; }

    /// <summary>The one instance that is meant; null when the balancer chooses.</summary>
    public string? Only { get; init; }

    /// <summary>The instance that was chosen; null when there was none to choose.</summary>
    public string? Endpoint { get; set; }

    /// <summary>Whether an instance that could not be reached was tried again for this call.</summary>
    public bool HasTriedAgain { get; set; }
}

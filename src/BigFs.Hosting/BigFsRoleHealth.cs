namespace BigFs.Hosting;

/// <summary>Whether a role can do its work now.</summary>
public sealed record BigFsRoleHealth
{
    /// <summary>The role, one of <see cref="BigFsRoleNames"/>.</summary>
    public required string Role { get; init; }

    /// <summary>Whether it serves and reaches whom it needs.</summary>
    public required bool IsReady { get; init; }

    /// <summary>What is missing, as a sentence; empty when it is ready.</summary>
    public required string Reason { get; init; }
}

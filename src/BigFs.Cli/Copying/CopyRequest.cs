namespace BigFs.Cli.Copying;

/// <summary>What <c>bigfs cp</c> was asked for.</summary>
internal sealed record CopyRequest
{
    /// <summary>The name of standard input and output.</summary>
    public const string Standard = "-";

    /// <summary>One or more, as written.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>Where to, as written.</summary>
    public required string Destination { get; init; }

    /// <summary>Whether folders go with all they hold.</summary>
    public bool Recursive { get; init; }

    /// <summary>Replicas of an upload; null for the cluster's setting.</summary>
    public int? Replicas { get; init; }

    /// <summary>What must stand where an upload goes.</summary>
    public UploadPrecondition Precondition { get; init; } = UploadPrecondition.Anything;
}

namespace BigFs.Core.Faults;

/// <summary>
/// Faults that a fault build commits on purpose, to prove that the tests would notice: the variable <c>BIGFS_CANARY</c>
/// chooses one. In the product each is the constant false, so that neither the switch nor its branch is compiled.
/// </summary>
internal static class Canary
{
#if BIGFS_FAULTS
    private const string Variable = "BIGFS_CANARY";

    private static readonly string? Chosen = Check(Environment.GetEnvironmentVariable(Variable));

    /// <summary>Every name.</summary>
    public static IReadOnlyList<string> All =>
        ["skip-flush", "skip-directory-sync", "acknowledge-early", "ignore-epoch", "skip-checksum"];

    /// <summary>Appended entries are acknowledged without a flush.</summary>
    public static bool SkipFlush => Chosen == "skip-flush";

    /// <summary>A new volume is acknowledged without its directory's sync.</summary>
    public static bool SkipDirectorySync => Chosen == "skip-directory-sync";

    /// <summary>A chunk is acknowledged for all members before those behind have.</summary>
    public static bool AcknowledgeEarly => Chosen == "acknowledge-early";

    /// <summary>Appends of any epoch are taken.</summary>
    public static bool IgnoreEpoch => Chosen == "ignore-epoch";

    /// <summary>Chunks are stored without a look at their checksum.</summary>
    public static bool SkipChecksum => Chosen == "skip-checksum";

    private static string? Check(string? choice) => string.IsNullOrEmpty(choice) || All.Contains(choice)
        ? choice
        : throw new InvalidOperationException($"{Variable} names no canary: {choice}");
#else
    /// <summary>Not in the product.</summary>
    public const bool SkipFlush = false;

    /// <summary>Not in the product.</summary>
    public const bool SkipDirectorySync = false;

    /// <summary>Not in the product.</summary>
    public const bool AcknowledgeEarly = false;

    /// <summary>Not in the product.</summary>
    public const bool IgnoreEpoch = false;

    /// <summary>Not in the product.</summary>
    public const bool SkipChecksum = false;
#endif
}

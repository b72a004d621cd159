using System.Diagnostics;

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
    [
        "skip-flush", "skip-directory-sync", "acknowledge-early", "ignore-epoch", "skip-checksum", "answer-before-commit",
        "skip-record", "skip-tombstones",
    ];

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

    /// <summary>The metadata's callers are told before their transaction is on disk, and some time before.</summary>
    public static bool AnswerBeforeCommit => Chosen == "answer-before-commit";

    /// <summary>The answers of the metadata's operations are not recorded.</summary>
    public static bool SkipRecord => Chosen == "skip-record";

    /// <summary>The chunks of replaced and deleted files are forgotten.</summary>
    public static bool SkipTombstones => Chosen == "skip-tombstones";

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

    /// <summary>Not in the product.</summary>
    public const bool AnswerBeforeCommit = false;

    /// <summary>Not in the product.</summary>
    public const bool SkipRecord = false;

    /// <summary>Not in the product.</summary>
    public const bool SkipTombstones = false;
#endif

    /// <summary>With <see cref="AnswerBeforeCommit"/>: tells all who wait, and lets some time pass.</summary>
    [Conditional("BIGFS_FAULTS")]
    public static void TellEarly<T>(List<T> waiting, Action<T> tell)
    {
        foreach (T one in AnswerBeforeCommit ? waiting : [])
        {
            tell(one);
        }

        SpinWait.SpinUntil(static () => false, AnswerBeforeCommit ? 20 : 0);
    }
}

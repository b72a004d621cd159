#if BIGFS_FAULTS
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;

namespace BigFs.Core.Faults;

/// <summary>
/// All crash points and the one that was chosen. Static and mutable, as nothing else here: a crash is the process's, not an
/// object's, and no product holds this type.
/// </summary>
internal static class CrashPoints
{
    /// <summary>The variable that chooses the point: name, and after a colon how many times it must be reached.</summary>
    public const string Variable = "BIGFS_CRASH_POINT";

    /// <summary>Every name, in the order in which a volume's life passes them.</summary>
    public static ImmutableArray<string> All { get; } =
    [
        "identity.before-rename",
        "identity.before-directory-sync",
        "identity.after-directory-sync",
        "create.before-sync",
        "create.before-rename",
        "create.before-directory-sync",
        "create.after-directory-sync",
        "open.before-scan",
        "open.before-cut",
        "open.after-cut",
        "open.before-pin",
        "append.before-extension",
        "append.before-write",
        "append.between-batches",
        "append.after-write",
        "flush.before-sync",
        "flush.after-sync",
        "flush.before-acknowledgement",
        "flush.after-acknowledgement",
        "cut.before-truncation",
        "cut.before-sync",
        "cut.after-sync",
        "seal.before-mark",
        "seal.after-mark",
        "seal.after-drain",
        "stop.before-mark",
    ];

    // Behind the names: it is checked against them as the type is initialized.
    private static readonly (string Name, int Times) Chosen = Parse(Environment.GetEnvironmentVariable(Variable));
    private static int _reached;

    /// <summary>Counts the chosen point and kills the process at the chosen count.</summary>
    public static void Reach(string name)
    {
        Debug.Assert(All.Contains(name), name);
        if (name == Chosen.Name && Interlocked.Increment(ref _reached) == Chosen.Times)
        {
            // SIGKILL: no handler, no finalizer, no buffer is flushed. The calling thread does not come back from it.
            Process.GetCurrentProcess().Kill();
        }
    }

    private static (string Name, int Times) Parse(string? choice)
    {
        if (string.IsNullOrEmpty(choice))
        {
            return ("", 0);
        }

        string[] parts = choice.Split(':');
        return All.Contains(parts[0])
            ? (parts[0], parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 1)
            : throw new InvalidOperationException($"{Variable} names no crash point: {choice}");
    }
}
#endif

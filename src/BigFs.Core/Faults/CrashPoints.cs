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

    /// <summary>Every name, in the order in which a volume's life passes them; then those of the metadata.</summary>
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
        "index.before-write",
        "index.before-sync",
        "index.before-rename",
        "index.before-directory-sync",
        "index.after-directory-sync",
        "compaction.before-copy",
        "compaction.between-batches",
        "compaction.before-end",
        "compaction.before-sync",
        "compaction.before-rename",
        "compaction.between-renames",
        "compaction.before-directory-sync",
        "compaction.after-directory-sync",
        "stop.before-mark",
        "transaction.before-begin",
        "transaction.between-operations",
        "transaction.before-commit",
        "transaction.after-commit",
        "transaction.after-answer",
        "postgres.before-begin",
        "postgres.between-operations",
        "postgres.before-commit",
        "postgres.after-commit",
        "postgres.after-answer",
        "commit.before-entry",
        "commit.before-pages",
        "commit.before-session-ends",
        "commit.before-record",
        "operation.before-record",
        "delete.after-removal",
        "move.after-replacement",
        "purge.before-page-goes",
        "purge.before-version-goes",
        "purge.before-tombstone",
        "purge.before-entry-goes",
        "purge.after-directory",
        "expiry.after-sessions",
        "expiry.after-operations",
        "migration.before-begin",
        "migration.after-script",
        "migration.before-commit",
        "migration.after-commit",
        "backup.before-copy",
        "backup.between-steps",
        "backup.before-stream",
        "archive.before-sync",
        "archive.before-rename",
        "archive.before-directory-sync",
        "archive.after-directory-sync",
        "restore.before-extract",
        "restore.before-generation",
        "restore.before-sync",
        "restore.before-rename",
        "restore.before-directory-sync",
        "restore.after-directory-sync",
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

using System.Globalization;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>
/// How long property tests and fuzzing go on: in full when the variable BIGFS_SCENARIOS is "full", or for the share of that
/// (0 to 1) that the variable BIGFS_EFFORT tells.
/// </summary>
internal static class Effort
{
    private static readonly bool IsFull = Environment.GetEnvironmentVariable("BIGFS_SCENARIOS") == "full";

    private static readonly double Share =
        double.TryParse(Environment.GetEnvironmentVariable("BIGFS_EFFORT"), CultureInfo.InvariantCulture, out double share) ? share : 1;

    /// <summary>Time for each target of fuzzing.</summary>
    public static TimeSpan Fuzzing => IsFull ? TimeSpan.FromMinutes(10) * Share : TimeSpan.FromSeconds(1);

    /// <summary>The seed of fuzzing; BIGFS_SEED replays another one.</summary>
    public static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("BIGFS_SEED"), out int seed) ? seed : 20260131;

    /// <summary>Cases of a property.</summary>
    public static long Cases(long inShort, long inFull = 1_000_000) => IsFull ? (long)(inFull * Share) : inShort;

    /// <summary>The seed of a property: fixed in the short form, the library's choice (and printed on failure) in full.</summary>
    public static string? PropertySeed(string inShort) => IsFull ? null : inShort;

    public static void Figure(FormattableString text) =>
        TestContext.Out.WriteLine("FIGURE " + FormattableString.Invariant(text));
}

namespace BigFs.Faults.Tests;

/// <summary>How much the scenarios do: the variable BIGFS_SCENARIOS is unset, "1" or "full".</summary>
internal static class ScenarioLevel
{
    private static readonly string? Value = Environment.GetEnvironmentVariable("BIGFS_SCENARIOS");

    public static bool IsFull => Value == "full";

    /// <summary>The seed of everything that is random; BIGFS_SEED replays another one.</summary>
    public static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("BIGFS_SEED"), out int seed) ? seed : 20260131;

    /// <summary>Skips the test unless scenarios are asked for; tells the seed when they are.</summary>
    public static void Require()
    {
        if (Value is not ("1" or "full"))
        {
            Assert.Ignore("Scenarios with real processes: set BIGFS_SCENARIOS=1 (or =full).");
        }

        TestContext.Out.WriteLine($"SEED {Seed} {TestContext.CurrentContext.Test.Name}");
    }

    /// <summary>Prints a measured figure.</summary>
    public static void Figure(FormattableString text) =>
        TestContext.Out.WriteLine("FIGURE " + FormattableString.Invariant(text));

    /// <summary>One of two amounts, by level.</summary>
    public static T Of<T>(T inShort, T inFull) => IsFull ? inFull : inShort;
}

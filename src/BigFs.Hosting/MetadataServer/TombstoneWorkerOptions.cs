using BigFs.Core.Model;

namespace BigFs.Hosting.MetadataServer;

/// <summary>How deletions are carried out.</summary>
internal sealed record TombstoneWorkerOptions
{
    /// <summary>Most tombstones of one round, 1 to 65,536; default 1,024.</summary>
    public int BatchSize { get; init; } = 1024;

    /// <summary>Most tombstones carried out a second, 1 or more; default 20,000.</summary>
    public int PerSecond { get; init; } = 20_000;

    /// <summary>How long a round's tombstones are this server's alone; default 2 minutes, longer than a round takes.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Wait between rounds when nothing was due; default 2 s.</summary>
    public TimeSpan IdlePause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Shortest wait between rounds while there is more to do, which leaves room for others; default 50 ms.</summary>
    public TimeSpan BusyPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a tombstone waits that could not be carried out everywhere; doubles each time. Default 5 s.</summary>
    public TimeSpan Postponement { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest such wait; default 5 minutes.</summary>
    public TimeSpan LongestPostponement { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a tombstone waits that was put off so often before.</summary>
    public TimeSpan PostponementAfter(int attempts)
    {
        double ticks = Postponement.Ticks * Math.Pow(2, Math.Min(attempts, 30));
        return ticks < LongestPostponement.Ticks ? TimeSpan.FromTicks((long)ticks) : LongestPostponement;
    }

    /// <summary>The wait after a round of so many.</summary>
    public TimeSpan PauseAfter(int carried)
    {
        var paced = TimeSpan.FromSeconds((double)carried / PerSecond);
        return carried < BatchSize ? IdlePause : paced > BusyPause ? paced : BusyPause;
    }

    /// <summary>Refuses settings that are out of range.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public void Validate()
    {
        const string Positive = "above zero";
        SettingsCheck.Between(BatchSize, 1, 65_536, nameof(BatchSize));
        SettingsCheck.Require(PerSecond > 0, nameof(PerSecond), PerSecond, Positive);
        SettingsCheck.Require(Lease > TimeSpan.Zero, nameof(Lease), Lease, Positive);
        SettingsCheck.Require(IdlePause > TimeSpan.Zero, nameof(IdlePause), IdlePause, Positive);
        SettingsCheck.Require(BusyPause > TimeSpan.Zero, nameof(BusyPause), BusyPause, Positive);
        SettingsCheck.Require(Postponement > TimeSpan.Zero, nameof(Postponement), Postponement, Positive);
        SettingsCheck.Require(
            LongestPostponement >= Postponement, nameof(LongestPostponement), LongestPostponement, "Postponement or more");
    }
}

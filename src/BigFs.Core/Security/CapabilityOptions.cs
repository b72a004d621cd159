using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>How long capabilities live, and how far apart clocks may be.</summary>
public sealed record CapabilityOptions
{
    /// <summary>No capability is made or accepted for longer than this: 1 h.</summary>
    public static TimeSpan MaxLifetime => TimeSpan.FromHours(1);

    /// <summary>Life of a grant's; default 15 min. A grant that is older is replaced by the client.</summary>
    public TimeSpan WriteLifetime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Life of those for reading; default 10 min. A longer read asks for another.</summary>
    public TimeSpan ReadLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Life of those for copying and checking; default 10 min. They are made when they are needed.</summary>
    public TimeSpan CopyLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How far the clocks of who signs and who checks may be apart; default 1 min.</summary>
    public TimeSpan Skew { get; init; } = TimeSpan.FromMinutes(1);

    /// <exception cref="BigFsException">InvalidSettings, naming the setting.</exception>
    public void Validate()
    {
        Within(WriteLifetime, nameof(WriteLifetime));
        Within(ReadLifetime, nameof(ReadLifetime));
        Within(CopyLifetime, nameof(CopyLifetime));
        SettingsCheck.Require(
            Skew >= TimeSpan.Zero && Skew <= TimeSpan.FromMinutes(10), nameof(Skew), Skew, "zero to ten minutes");
    }

    private static void Within(TimeSpan value, string setting) => SettingsCheck.Require(
        value >= TimeSpan.FromSeconds(1) && value <= MaxLifetime, setting, value, "one second to one hour");
}

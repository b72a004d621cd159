using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>How long a role's token lives, and how far apart clocks may be.</summary>
public sealed record RoleTokenOptions
{
    /// <summary>From its making to the beginning of the call; default 30 s.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How far the clocks of two machines may be apart; default 1 min.</summary>
    public TimeSpan Skew { get; init; } = TimeSpan.FromMinutes(1);

    /// <exception cref="BigFsException">InvalidSettings, naming the setting.</exception>
    public void Validate()
    {
        SettingsCheck.Require(
            Lifetime >= TimeSpan.FromSeconds(1) && Lifetime <= TimeSpan.FromMinutes(10), nameof(Lifetime), Lifetime, "one second to ten minutes");
        SettingsCheck.Require(
            Skew >= TimeSpan.Zero && Skew <= TimeSpan.FromMinutes(10), nameof(Skew), Skew, "zero to ten minutes");
    }
}

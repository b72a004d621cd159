namespace BigFs.Core.Model;

/// <summary>Refuses settings outside their range with a sentence that names the setting, its value and what is right.</summary>
public static class SettingsCheck
{
    /// <summary>Requires what a setting must fulfil.</summary>
    /// <param name="holds">Whether it does.</param>
    /// <param name="setting">Its name.</param>
    /// <param name="value">Its value; null reads "not set".</param>
    /// <param name="wanted">What it must be.</param>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidSettings"/>: it does not.</exception>
    public static void Require(bool holds, string setting, object? value, string wanted)
    {
        if (!holds)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"The setting {setting} is {value ?? "not set"}; it must be {wanted}.");
        }
    }

    /// <summary>Requires a span above zero and at most a day.</summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidSettings"/>: it is none.</exception>
    public static void Positive(TimeSpan value, string setting) =>
        Require(value > TimeSpan.Zero && value <= TimeSpan.FromDays(1), setting, value, "above zero and at most a day");

    /// <summary>Requires a number within bounds.</summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidSettings"/>: it is outside.</exception>
    public static void Between(int value, int lowest, int highest, string setting) =>
        Require(value >= lowest && value <= highest, setting, value, $"{lowest} to {highest}");
}

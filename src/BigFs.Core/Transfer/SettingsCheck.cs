namespace BigFs.Core.Transfer;

/// <summary>Refuses settings outside their range with a sentence that names the setting.</summary>
internal static class SettingsCheck
{
    /// <exception cref="BigFsException">The span is not above zero, or longer than a day.</exception>
    public static void Positive(TimeSpan value, string setting)
    {
        if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(1))
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"{setting} is {value}; it must be above zero and at most a day.");
        }
    }

    /// <exception cref="BigFsException">The number is outside the bounds.</exception>
    public static void Between(int value, int lowest, int highest, string setting)
    {
        if (value < lowest || value > highest)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings, $"{setting} is {value}; it must be {lowest} to {highest}.");
        }
    }
}

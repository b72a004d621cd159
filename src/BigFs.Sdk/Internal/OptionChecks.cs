namespace BigFs.Internal;

/// <summary>Ranges of options; a sentence that names the option when one is left.</summary>
internal static class OptionChecks
{
    /// <summary>Most chunks in flight of one transfer.</summary>
    public const int MaxConcurrency = 64;

    /// <summary>Longest staleness that may be allowed for: well within the time that a replaced version stays readable.</summary>
    public static readonly TimeSpan MaxStaleness = TimeSpan.FromMinutes(10);

    /// <summary>Checks a number.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void Within(BigFsPath path, string option, long value, long least, long most)
    {
        if (value < least || value > most)
        {
            throw Invalid(path, $"{option} is {value}; {least} to {most} are allowed");
        }
    }

    /// <summary>Checks how old an answer may be.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void CheckStaleness(BigFsPath path, TimeSpan maxStaleness)
    {
        if (maxStaleness < TimeSpan.Zero || maxStaleness > MaxStaleness)
        {
            throw Invalid(path, $"MaxStaleness is {maxStaleness}; zero to {MaxStaleness} is allowed");
        }
    }

    /// <summary>An option that is not allowed.</summary>
    public static BigFsException Invalid(BigFsPath path, string problem) =>
        new(BigFsErrorCode.InvalidArgument, $"An option for \"{path}\" is not valid: {problem}.") { Path = path.ToString() };
}

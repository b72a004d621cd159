namespace BigFs.Internal;

/// <summary>Ranges of options; a sentence that names the option when one is left.</summary>
internal static class OptionChecks
{
    /// <summary>Most chunks in flight of one transfer.</summary>
    public const int MaxConcurrency = 64;

    /// <summary>Checks a number.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void Within(BigFsPath path, string option, long value, long least, long most)
    {
        if (value < least || value > most)
        {
            throw Invalid(path, $"{option} is {value}; {least} to {most} are allowed");
        }
    }

    /// <summary>An option that is not allowed.</summary>
    public static BigFsException Invalid(BigFsPath path, string problem) =>
        new(BigFsErrorCode.InvalidArgument, $"An option for \"{path}\" is not valid: {problem}.") { Path = path.ToString() };
}

namespace BigFs.Cli.Errors;

/// <summary>The command line itself is wrong; the message says what would be right.</summary>
internal sealed class UsageException(string message) : Exception(message);

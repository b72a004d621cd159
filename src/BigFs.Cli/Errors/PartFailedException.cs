namespace BigFs.Cli.Errors;

/// <summary>Some of several things were done and others failed, each reported on its own before.</summary>
internal sealed class PartFailedException(int failed, int done)
    : Exception($"{failed} of {failed + done} failed.");

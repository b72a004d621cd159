using BigFs.Cli.Shell;

namespace BigFs.Cli.Roles;

/// <summary>How this program is started again: as itself, or as <c>dotnet bigfs.dll</c> where it was started so.</summary>
/// <param name="FileName">What to execute.</param>
/// <param name="FirstArguments">What comes before its own arguments.</param>
internal sealed record ThisProgram(string FileName, IReadOnlyList<string> FirstArguments)
{
    /// <summary>The program of this process.</summary>
    public static ThisProgram Current() => Of(
        Environment.ProcessPath ?? throw new InvalidOperationException("The system does not say which program this is."),
        Path.Combine(AppContext.BaseDirectory, "bigfs.dll"));

    /// <summary>The program of a process that executes <paramref name="processPath"/>.</summary>
    public static ThisProgram Of(string processPath, string assembly) =>
        string.Equals(Path.GetFileNameWithoutExtension(processPath), "dotnet", StringComparison.OrdinalIgnoreCase)
            ? new ThisProgram(processPath, [assembly])
            : new ThisProgram(processPath, []);

    /// <summary>The line for a shell that starts it with these arguments, from any folder.</summary>
    public string CommandLine(IEnumerable<string> arguments) =>
        ShellWords.Join([FileName, .. FirstArguments, .. arguments]);
}

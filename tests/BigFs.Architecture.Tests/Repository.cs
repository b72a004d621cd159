using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace BigFs.Architecture.Tests;

/// <summary>The repository's own files, found from this source file's place.</summary>
internal static partial class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Source files below a folder of the repository, without what the build makes; paths relative to the root.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !Built().IsMatch(file))
            .Order(StringComparer.Ordinal);

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>The namespaces that a file names in its using lines.</summary>
    public static IEnumerable<string> Usings(string file) =>
        UsingLine().Matches(Read(file)).Select(match => match.Groups[1].Value);

    private static string FindRoot([CallerFilePath] string here = "")
    {
        string? at = File.Exists(here) ? Path.GetDirectoryName(here) : AppContext.BaseDirectory;
        while (at is not null && !File.Exists(Path.Combine(at, "BigFs.sln")))
        {
            at = Path.GetDirectoryName(at);
        }

        return at ?? throw new InvalidOperationException("The repository's root was not found.");
    }

    [GeneratedRegex("(^|/)(bin|obj|artifacts|TestResults)/")]
    private static partial Regex Built();

    [GeneratedRegex(@"^\s*(?:global\s+)?using\s+(?:static\s+)?(?:\w+\s*=\s*)?([\w.]+)\s*;", RegexOptions.Multiline)]
    private static partial Regex UsingLine();
}

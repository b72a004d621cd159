using System.Text;
using BigFs.Cli.Errors;

namespace BigFs.Cli.Shell;

/// <summary>
/// Splits a line of the shell into words: blanks separate, '...' keeps everything, "..." keeps everything but \" and
/// \\, a backslash outside keeps the next character, and # at the start of a word begins a comment.
/// </summary>
internal static class ShellWords
{
    /// <exception cref="UsageException">A quote is not closed, or a backslash ends the line.</exception>
    public static string[] Split(string line)
    {
        List<string> words = [];
        StringBuilder? word = null;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (char.IsWhiteSpace(c))
            {
                Close();
            }
            else if (c == '#' && word is null)
            {
                break;
            }
            else if (c is '\'' or '"')
            {
                i = Quoted(line, i, word ??= new StringBuilder());
            }
            else if (c == '\\')
            {
                (word ??= new StringBuilder()).Append(
                    ++i < line.Length ? line[i] : throw new UsageException("A backslash at the end of the line keeps nothing."));
            }
            else
            {
                (word ??= new StringBuilder()).Append(c);
            }
        }

        Close();
        return [.. words];

        void Close()
        {
            if (word is not null)
            {
                words.Add(word.ToString());
                word = null;
            }
        }
    }

    /// <summary>Appends a quoted part and returns the index of its closing quote.</summary>
    private static int Quoted(string line, int open, StringBuilder word)
    {
        char quote = line[open];
        for (int i = open + 1; i < line.Length; i++)
        {
            if (line[i] == quote)
            {
                return i;
            }

            bool isEscape = quote == '"' && line[i] == '\\' && i + 1 < line.Length && line[i + 1] is '"' or '\\';
            word.Append(isEscape ? line[++i] : line[i]);
        }

        throw new UsageException($"The quote {quote} is not closed.");
    }

    /// <summary>The words as one line for a POSIX shell: what <see cref="Split"/> splits into the same words again.</summary>
    public static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    private static string Quote(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=@%+,".Contains(c))
            ? word
            : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}

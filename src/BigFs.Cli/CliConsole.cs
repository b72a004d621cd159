using System.Text;

namespace BigFs.Cli;

/// <summary>Standard input, output and error of a command, so that tests can hold the other ends.</summary>
internal sealed class CliConsole
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly TextWriter _error;
    private volatile TextWriter? _diverted;

    public CliConsole(Stream input, Stream output, TextWriter error)
    {
        Input = input;
        OutputStream = output;
        Output = new StreamWriter(output, Utf8, bufferSize: 16 << 10, leaveOpen: true);
        _error = error;
    }

    /// <summary>Standard input as bytes.</summary>
    public Stream Input { get; }

    /// <summary>Standard output as bytes; flush <see cref="Output"/> before writing here.</summary>
    public Stream OutputStream { get; }

    /// <summary>Standard output as text: data only. Buffered until <see cref="Flush"/>.</summary>
    public TextWriter Output { get; }

    /// <summary>Standard error: progress, logs and errors, in whole lines. Unbuffered.</summary>
    public TextWriter Error => _diverted ?? _error;

    /// <summary>Whether a person types the input.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Whether a person watches standard error, so that a progress bar makes sense.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>The console of this process.</summary>
    public static CliConsole OfProcess() =>
        new(Console.OpenStandardInput(), Console.OpenStandardOutput(), SynchronizedError())
        {
            InputIsTerminal = !Console.IsInputRedirected,
            ErrorIsTerminal = !Console.IsErrorRedirected,
        };

    /// <summary>Lets lines for standard error go through whoever draws there, until it is given null.</summary>
    public void DivertError(TextWriter? writer) => _diverted = writer;

    /// <summary>Writes out what is buffered.</summary>
    public void Flush() => Output.Flush();

    private static TextWriter SynchronizedError() =>
        TextWriter.Synchronized(new StreamWriter(Console.OpenStandardError(), Utf8, 256) { AutoFlush = true });
}

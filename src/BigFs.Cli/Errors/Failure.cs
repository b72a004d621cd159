using BigFs.Cli.Output;

namespace BigFs.Cli.Errors;

/// <summary>How a command failed, as it is told to people, programs and the calling shell.</summary>
internal sealed record Failure
{
    /// <summary>The name of the <see cref="BigFsErrorCode"/>, or of a failure on this side of the cluster.</summary>
    public required string Code { get; init; }

    /// <summary>One sentence.</summary>
    public required string Message { get; init; }

    /// <summary>What the process ends with.</summary>
    public required int ExitCode { get; init; }

    /// <summary>What BigFS itself reported; null for a failure on this side.</summary>
    public BigFsException? Remote { get; init; }

    /// <summary>Describes an exception; whatever happens after an interruption is the interruption.</summary>
    public static Failure Of(Exception exception, CancellationToken interrupted) => exception switch
    {
        _ when interrupted.IsCancellationRequested => Local("Interrupted", "interrupted.", Errors.ExitCode.Interrupted),
        BigFsException e => new Failure
        {
            Code = e.Code.ToString(),
            Message = e.Message,
            ExitCode = Errors.ExitCode.Of(e.Code),
            Remote = e,
        },
        UsageException e => Local("Usage", e.Message, Errors.ExitCode.Usage),
        PartFailedException e => Local("PartFailed", e.Message, Errors.ExitCode.PartFailed),
        FileNotFoundException or DirectoryNotFoundException =>
            Local("LocalNotFound", exception.Message, Errors.ExitCode.NotFound),
        UnauthorizedAccessException => Local("LocalNotAllowed", exception.Message, Errors.ExitCode.NotAllowed),
        IOException => Local("LocalInputOutput", exception.Message, Errors.ExitCode.Other),
        _ => Local("Internal", $"{exception.GetType().Name}: {exception.Message}", Errors.ExitCode.Other),
    };

    /// <summary>Writes it: "bigfs: sentence", or one JSON object on a line.</summary>
    public void Write(TextWriter error, bool json)
    {
        if (!json)
        {
            error.WriteLine($"bigfs: {Text.OneLine(Message)}");
            return;
        }

        JsonLine.Write(error, writer =>
        {
            writer.WriteString("error", Code);
            writer.WriteString("message", Message);
            writer.WriteNumber("exitCode", ExitCode);
            writer.WriteString("path", Remote?.Path);
            writer.WriteString("endpoint", Remote?.Endpoint);
            writer.WriteNumber("attempts", Remote?.Attempts ?? 1);
            writer.WriteBoolean("transient", Remote?.IsTransient ?? false);
        });
    }

    private static Failure Local(string code, string message, int exitCode) =>
        new() { Code = code, Message = message, ExitCode = exitCode };
}

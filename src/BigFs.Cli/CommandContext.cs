using System.Text.Json;
using BigFs.Cli.Errors;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;

namespace BigFs.Cli;

/// <summary>One run of a command: its global options and, made when first asked for, its client.</summary>
internal sealed class CommandContext(CliEnvironment environment, bool json, bool quiet, string? endpoint, string? keyFile = null)
    : IAsyncDisposable
{
    private readonly Lock _consoleLock = new();
    private IBigFsClient? _client;

    /// <summary>Console, clock, variables.</summary>
    public CliEnvironment Environment { get; } = environment;

    /// <summary>Standard input, output and error.</summary>
    public CliConsole Console => Environment.Console;

    /// <summary>Whether data and errors are JSON, one object a line.</summary>
    public bool Json { get; } = json;

    /// <summary>Whether only data and errors are wanted.</summary>
    public bool Quiet { get; } = quiet;

    /// <summary>Whether this runs inside <c>bigfs shell</c>.</summary>
    public bool InShell => Environment.ShellClient is not null;

    /// <summary>The client: the shell's, or one of this command.</summary>
    /// <exception cref="BigFsException">InvalidSettings: the endpoint is not one.</exception>
    public IBigFsClient Client => Environment.ShellClient
        ?? (_client ??= Environment.Connect(Endpoint, ApiKey.Choose(keyFile, Environment.Variable)));

    /// <summary>How a client of this command is set.</summary>
    /// <exception cref="BigFsException">InvalidSettings: the endpoint is not one.</exception>
    public BigFsClientOptions ClientOptions() =>
        CliEnvironment.Options(Console, Endpoint, ApiKey.Choose(keyFile, Environment.Variable));

    /// <summary>Where the cluster of this command is; not the shell's.</summary>
    /// <exception cref="BigFsException">InvalidSettings: the endpoint is not one.</exception>
    public Uri Endpoint => EndpointAddress.Choose(endpoint, Environment.Variable);

    /// <summary>Writes one JSON object as a line on standard output. Thread-safe.</summary>
    public void WriteJson(Action<Utf8JsonWriter> properties)
    {
        lock (_consoleLock)
        {
            JsonLine.Write(Console.Output, properties);
        }
    }

    /// <summary>Tells a person something that is no data: standard error, unless quiet. Thread-safe.</summary>
    public void Say(string line)
    {
        if (!Quiet)
        {
            Console.Error.WriteLine(line);
        }
    }

    /// <summary>Reports a failure on standard error and returns its exit code. Thread-safe.</summary>
    public int Report(Exception exception, CancellationToken cancellationToken)
    {
        Failure failure = Failure.Of(exception, cancellationToken);
        lock (_consoleLock)
        {
            Console.Flush();
            failure.Write(Console.Error, Json);
        }

        return failure.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
    }
}

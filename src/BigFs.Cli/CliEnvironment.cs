using BigFs.Cli.Roles;
using BigFs.Hosting;
using Microsoft.Extensions.Logging;

namespace BigFs.Cli;

/// <summary>What commands take from outside: the console, the clock, the way to a cluster, environment variables.</summary>
internal sealed class CliEnvironment(CliConsole console)
{
    /// <summary>Standard input, output and error.</summary>
    public CliConsole Console { get; } = console;

    /// <summary>The clock of progress figures.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Makes the client of an endpoint; no I/O. Its warnings go to standard error.</summary>
    public Func<Uri, IBigFsClient> Connect { get; init; } = endpoint => new BigFsClient(new BigFsClientOptions
    {
        Endpoint = endpoint,
        LoggerFactory = new StderrLoggerFactory(console, TimeProvider.System, LogLevel.Warning),
    });

    /// <summary>Asks the name server at an endpoint which servers there are.</summary>
    public Func<Uri, CancellationToken, Task<IReadOnlyList<BigFsInstance>>> Instances { get; init; } = BigFsInstance.ListAsync;

    /// <summary>An environment variable, or null.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Set inside the shell: the client that all its commands share.</summary>
    public IBigFsClient? ShellClient { get; init; }
}

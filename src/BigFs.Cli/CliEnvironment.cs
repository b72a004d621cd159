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

    /// <summary>Makes the client of an endpoint, with an access key or none; no I/O. Its warnings go to standard error.</summary>
    public Func<Uri, string?, IBigFsClient> Connect { get; init; } = (endpoint, apiKey) => new BigFsClient(Options(console, endpoint, apiKey));

    /// <summary>How a client of an endpoint is set, by this process's variables.</summary>
    public static BigFsClientOptions Options(CliConsole console, Uri endpoint, string? apiKey) => new()
    {
        Endpoint = endpoint,
        ApiKey = apiKey,
        ControlAuthorityFile = Set("BIGFS_CONTROL_AUTHORITY"),
        ControlCertificateFile = Set("BIGFS_CONTROL_CERTIFICATE"),
        ControlKeyFile = Set("BIGFS_CONTROL_KEY"),
        TransferAuthorityFile = Set("BIGFS_TRANSFER_AUTHORITY"),
        TransferCertificateFile = Set("BIGFS_TRANSFER_CERTIFICATE"),
        TransferKeyFile = Set("BIGFS_TRANSFER_KEY"),
        LoggerFactory = new StderrLoggerFactory(console, TimeProvider.System, LogLevel.Warning),
    };

    /// <summary>Asks a cluster which servers there are.</summary>
    public Func<BigFsClientOptions, CancellationToken, Task<IReadOnlyList<BigFsInstance>>> Instances { get; init; } = BigFsInstance.ListAsync;

    /// <summary>Asks a cluster how it fares.</summary>
    public Func<BigFsClientOptions, CancellationToken, Task<BigFsClusterStatus>> Status { get; init; } = BigFsClusterStatus.ReadAsync;

    /// <summary>All environment variables.</summary>
    public Func<IReadOnlyDictionary<string, string>> Variables { get; init; } = () => Environment.GetEnvironmentVariables()
        .Cast<System.Collections.DictionaryEntry>().ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");

    /// <summary>An environment variable, or null.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>A variable of the process that is set to something.</summary>
    private static string? Set(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;

    /// <summary>Set inside the shell: the client that all its commands share.</summary>
    public IBigFsClient? ShellClient { get; init; }
}

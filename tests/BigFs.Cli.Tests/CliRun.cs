using System.Text;
using System.Text.Json;
using Moq;

namespace BigFs.Cli.Tests;

/// <summary>Runs a command line in the process against a client of the test's choice.</summary>
internal sealed class CliRun
{
    private readonly MemoryStream _output = new();
    private readonly StringWriter _error = new();

    private CliRun()
    {
    }

    public int ExitCode { get; private set; }

    public byte[] OutputBytes => _output.ToArray();

    public string Output => Encoding.UTF8.GetString(_output.ToArray());

    public string Error => _error.ToString();

    public string[] OutputLines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public JsonElement[] OutputJson => [.. OutputLines.Select(line => JsonDocument.Parse(line).RootElement)];

    public JsonElement ErrorJson =>
        JsonDocument.Parse(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[0]).RootElement;

    /// <summary>The endpoint that the command asked for; null when it asked for none.</summary>
    public Uri? Endpoint { get; private set; }

    public static Task<CliRun> Async(Mock<IBigFsClient> client, params string[] arguments) =>
        Async(client.Object, "", null, CancellationToken.None, arguments);

    public static Task<CliRun> Async(
        Mock<IBigFsClient> client,
        Func<BigFsClientOptions, CancellationToken, Task<BigFs.Hosting.BigFsClusterStatus>> status,
        params string[] arguments) => RunAsync(client.Object, "", null, status, CancellationToken.None, arguments);

    public static Task<CliRun> Async(
        IBigFsClient client, string input, string? variable, CancellationToken cancellationToken, params string[] arguments) =>
        RunAsync(client, input, variable, null, cancellationToken, arguments);

    private static async Task<CliRun> RunAsync(
        IBigFsClient client,
        string input,
        string? variable,
        Func<BigFsClientOptions, CancellationToken, Task<BigFs.Hosting.BigFsClusterStatus>>? status,
        CancellationToken cancellationToken,
        string[] arguments)
    {
        var run = new CliRun();
        var console = new CliConsole(new MemoryStream(Encoding.UTF8.GetBytes(input)), run._output, run._error);
        var environment = new CliEnvironment(console)
        {
            Connect = (endpoint, _) =>
            {
                run.Endpoint = endpoint;
                return client;
            },
            Instances = (_, _) => Task.FromResult<IReadOnlyList<BigFs.Hosting.BigFsInstance>>([]),
            Status = status ?? BigFs.Hosting.BigFsClusterStatus.ReadAsync,
            Variable = name => name == "BIGFS_ENDPOINT" ? variable : null,
        };
        run.ExitCode = await new BigFsCommandLine(environment).RunAsync(arguments, cancellationToken);
        console.Flush();
        return run;
    }

    /// <summary>A client that fails every call that the test did not set up.</summary>
    public static Mock<IBigFsClient> Client() => new(MockBehavior.Strict);

    public static BigFsFile File(string path, long size = 10) => new()
    {
        Path = path,
        Size = size,
        Version = new BigFsVersion(0xabc),
        Crc32C = 0x1234,
        Replicas = 2,
        Created = DateTimeOffset.UnixEpoch,
        Modified = DateTimeOffset.UnixEpoch.AddDays(1),
    };

    public static BigFsDirectory Folder(string path) => new()
    {
        Path = path,
        Created = DateTimeOffset.UnixEpoch,
        Modified = DateTimeOffset.UnixEpoch,
    };
}

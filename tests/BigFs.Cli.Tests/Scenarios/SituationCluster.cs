using System.Text.Json;
using BigFs.Cli.Errors;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>How an attempt ended: the code or the command's own name for it, the exit code, and the sentence.</summary>
internal sealed record Outcome(string Code, int ExitCode, string Message);

/// <summary>A cluster in one process for wrong input, with a file "/file" and a directory "/dir" that holds "/dir/file".</summary>
internal sealed class SituationCluster : IAsyncDisposable
{
    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(60);

    private readonly BigfsProgram _dev;

    private SituationCluster(BigfsProgram dev, TemporaryFolder folder, string endpoint)
    {
        _dev = dev;
        Folder = folder;
        Endpoint = endpoint;
        Client = new BigFsClient(new Uri(endpoint));
    }

    public string Endpoint { get; }

    public BigFsClient Client { get; }

    /// <summary>A folder for local files; the cluster's data are in "data" below it.</summary>
    public TemporaryFolder Folder { get; }

    public static async Task<SituationCluster> StartAsync()
    {
        var folder = new TemporaryFolder();
        (BigfsProgram dev, string endpoint) = await StartDevAsync(folder.At("data"));
        var cluster = new SituationCluster(dev, folder, endpoint);
        await cluster.Client.UploadAsync("/file", new MemoryStream([1, 2, 3]));
        await cluster.Client.UploadAsync("/dir/file", new MemoryStream([4]));
        folder.Write("local", "local");
        return cluster;
    }

    /// <summary>A client command on this cluster.</summary>
    public Func<Task<Outcome>> Command(params string[] arguments) =>
        async () => Read(await BigfsProgram.RunAsync([.. arguments, "--json", "--endpoint", Endpoint]));

    /// <summary>A command that needs no cluster.</summary>
    public static Func<Task<Outcome>> Alone(params string[] arguments) =>
        async () => Read(await BigfsProgram.RunAsync([.. arguments, "--json"]));

    /// <summary>A line of the shell on this cluster: what an argument of a process cannot hold.</summary>
    public Func<Task<Outcome>> ShellLine(string line) => async () =>
    {
        await using BigfsProgram shell = BigfsProgram.Start("shell", "--json", "--endpoint", Endpoint);
        await shell.Input.WriteAsync(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
        shell.Input.Close();
        ProgramResult result = await shell.FinishAsync();
        JsonElement error = LastError(result);
        return new Outcome(
            error.GetProperty("error").GetString()!,
            error.GetProperty("exitCode").GetInt32(),
            error.GetProperty("message").GetString()!);
    };

    /// <summary>A call of the SDK: what the command has no option for.</summary>
    public Func<Task<Outcome>> Call(Func<IBigFsClient, Task> call) => async () =>
    {
        try
        {
            await call(Client);
            return new Outcome("none", ExitCode.Ok, "");
        }
        catch (BigFsException exception)
        {
            return new Outcome(exception.Code.ToString(), ExitCode.Of(exception.Code), exception.Message);
        }
    };

    /// <summary>SIGINT in the middle of an upload.</summary>
    public Func<Task<Outcome>> Interrupted() => async () =>
    {
        await using BigfsProgram upload = BigfsProgram.Start("cp", "-", "bigfs:/never", "--json", "--endpoint", Endpoint);
        // More than a pipe holds: it is being read, so the upload has begun.
        await upload.Input.WriteAsync(new byte[1 << 20]);
        upload.Signal(BigfsProgram.SignalInterrupt);
        ProgramResult result = await upload.FinishAsync();
        Assert.That(await Client.FindAsync("/never"), Is.Null);
        return Read(result);
    };

    /// <summary>A bit flipped in every replica of a file.</summary>
    public Func<Task<Outcome>> Damaged() => async () =>
    {
        byte[] content = SeededContent.Bytes(77, 50_000);
        await Client.UploadAsync("/damaged", new MemoryStream(content));
        Assert.That(VolumeFiles.Flip(Folder.At("data"), content), Is.EqualTo(2), "two replicas");
        return await Command("cat", "/damaged")();
    };

    /// <summary>A datanode's folder of this cluster in the data folder of another one.</summary>
    public Func<Task<Outcome>> ForeignFolder() => async () =>
    {
        string here = Folder.At("one"), foreign = Folder.At("two");
        foreach (string data in new[] { here, foreign })
        {
            (BigfsProgram dev, _) = await StartDevAsync(data);
            dev.Signal(BigfsProgram.SignalTerminate);
            Assert.That(await dev.ExitAsync(), Is.Zero, string.Join('\n', dev.ErrorLines));
            await dev.DisposeAsync();
        }

        Directory.Delete(Path.Combine(here, "datanode-1"), recursive: true);
        Directory.Move(Path.Combine(foreign, "datanode-1"), Path.Combine(here, "datanode-1"));
        return await Alone("dev", "--data", here, "--port", "0")();
    };

    /// <summary>A remembered state that is none.</summary>
    public Func<Task<Outcome>> DamagedState() => () =>
    {
        Folder.Write("broken/dev.json", "{\"nodes\":");
        return Alone("dev", "--data", Folder.At("broken"))();
    };

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        _dev.Signal(BigfsProgram.SignalTerminate);
        await _dev.ExitAsync();
        await _dev.DisposeAsync();
        Folder.Dispose();
    }

    private static async Task<(BigfsProgram Dev, string Endpoint)> StartDevAsync(string data)
    {
        BigfsProgram dev = BigfsProgram.Start("dev", "--data", data, "--port", "0", "--json");
        using var ready = JsonDocument.Parse(await dev.ReadLineAsync(ReadyDeadline));
        return (dev, ready.RootElement.GetProperty("endpoint").GetString()!);
    }

    private static Outcome Read(ProgramResult result)
    {
        JsonElement error = LastError(result);
        return new Outcome(
            error.GetProperty("error").GetString()!, result.ExitCode, error.GetProperty("message").GetString()!);
    }

    private static JsonElement LastError(ProgramResult result)
    {
        string? line = result.ErrorLines.LastOrDefault(l => l.StartsWith("{\"error\":", StringComparison.Ordinal));
        Assert.That(line, Is.Not.Null, $"ended with {result.ExitCode}, without an error: {result.Error}");
        return JsonDocument.Parse(line!).RootElement;
    }
}

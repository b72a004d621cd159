using System.Diagnostics;
using System.Text.Json;
using BigFs.Cli.Errors;
using BigFs.Cli.Roles;
using BigFs.Hosting;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>A cluster of processes that requires keys: clients with roots of their own, and no secret in any log.</summary>
[Category("Scenario")]
internal sealed class AccessScenario
{
    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(90);

    private readonly List<BigfsProgram> _roles = [];
    private readonly List<string> _said = [];
    private TemporaryFolder _folder = null!;
    private string _endpoint = "";

    [SetUp]
    public void SetUp()
    {
        ScenarioLevel.Require();
        _folder = new TemporaryFolder();
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        foreach (BigfsProgram role in _roles)
        {
            await role.DisposeAsync();
        }

        _roles.Clear();
        _folder?.Dispose();
    }

    [Test]
    public async Task Clients_with_keys_work_apart_revoked_ones_are_refused_and_no_log_has_a_secret()
    {
        string admin = await StartAsync();
        (string idOfA, string keyOfA) = await CreateAsync(admin, "a", "--root", "/of/a");
        (string _, string keyOfB) = await CreateAsync(admin, "b", "--root", "/of/b");
        (string _, string reader) = await CreateAsync(admin, "r", "--rights", "read", "--expires", "1d");
        string content = _folder.Write("content", new string('A', 200_000));

        await ExpectAsync(ExitCode.Ok, keyOfA, "cp", content, "bigfs:/file");
        await ExpectAsync(ExitCode.Ok, keyOfA, "cp", "bigfs:/file", _folder.At("back"));
        Assert.That(await File.ReadAllTextAsync(_folder.At("back")), Is.EqualTo(await File.ReadAllTextAsync(content)));
        Assert.That((await ExpectAsync(ExitCode.Ok, keyOfB, "ls", "bigfs:/")).Text, Is.Empty);
        await ExpectAsync(ExitCode.NotFound, keyOfB, "cat", "bigfs:/file");
        Assert.That((await ExpectAsync(ExitCode.Ok, reader, "ls", "bigfs:/of")).Text, Does.Contain("a").And.Contain("b"));

        await ExpectAsync(ExitCode.NotAllowed, null, "ls", "bigfs:/");
        await ExpectAsync(ExitCode.NotAllowed, reader, "rm", "bigfs:/of/a/file");
        await ExpectAsync(ExitCode.NotAllowed, keyOfA, "admin", "key", "list");
        await ExpectAsync(ExitCode.Usage, "not a key", "ls", "bigfs:/");
        await ExpectAsync(ExitCode.NotAllowed, keyOfA[..^1] + (keyOfA[^1] == 'A' ? 'E' : 'A'), "ls", "bigfs:/");

        // A client that is at work: by its stream, which stands open, and by new ones.
        await using BigFsClient open = Client(keyOfA);
        Assert.That(await open.FindAsync("/file"), Is.Not.Null);
        await ExpectAsync(ExitCode.Ok, admin, "admin", "key", "revoke", idOfA);
        var since = Stopwatch.StartNew();
        BigFsErrorCode? refusal = null;
        while (refusal is null && since.Elapsed < TimeSpan.FromSeconds(20))
        {
            refusal = await CodeAsync(() => open.FindAsync("/file"));
        }

        ScenarioLevel.Figure($"revocation_seconds {since.Elapsed.TotalSeconds:0.0}");
        Assert.That(refusal, Is.EqualTo(BigFsErrorCode.Unauthenticated));
        Assert.That(since.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5 * Slack)));
        await ExpectAsync(ExitCode.NotAllowed, keyOfA, "ls", "bigfs:/");
        Assert.That((await ExpectAsync(ExitCode.Ok, admin, "admin", "key", "list")).Text, Does.Contain("revoked"));

        await StopAsync();
        string secret = (await File.ReadAllLinesAsync(_folder.At("cluster-secret"))).Single(line => !line.StartsWith('#'))[2..];
        string all = string.Join('\n', _said);
        Assert.That(all, Does.Contain("is refused"), "refusals are logged");
        foreach (string hidden in new[] { admin, keyOfA, keyOfB, reader }.Select(key => key[23..]).Append(secret).Append("Bearer"))
        {
            Assert.That(all, Does.Not.Contain(hidden).IgnoreCase);
        }

        foreach (string file in Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".key", StringComparison.Ordinal) && Path.GetFileName(file) is not ("admin-key" or "cluster-secret")))
        {
            string bytes = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file));
            Assert.That(new[] { admin, keyOfA, keyOfB, reader }.Where(key => bytes.Contains(key[23..], StringComparison.Ordinal)), Is.Empty, file);
        }
    }

    /// <summary>On a busy machine everything takes longer, but for what is promised nothing more.</summary>
    private static int Slack => ScenarioLevel.IsFull ? 1 : 3;

    private BigFsClient Client(string key) => new(new BigFsClientOptions { Endpoint = new Uri(_endpoint), ApiKey = key });

    private static async Task<BigFsErrorCode?> CodeAsync(Func<Task> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (BigFsException refused)
        {
            return refused.Code;
        }
    }

    /// <summary>Starts a process a role; returns the first administrator's key.</summary>
    private async Task<string> StartAsync()
    {
        string secret = _folder.At("cluster-secret");
        BigFsClusterSecretFile.Prepare(secret);
        string[] common = ["--require-keys", "--cluster-secret", secret, "--json"];
        RoleLine names = await RoleAsync(["run", BigFsRoleNames.NameServer, .. common]);
        _endpoint = "bigfs://" + names.Endpoint;
        string[] roles = [BigFsRoleNames.MetadataServer, BigFsRoleNames.NodeManager, BigFsRoleNames.FileServer];
        await Task.WhenAll(
        [
            .. roles.Select(role => RoleAsync(
                ["run", role, "--data", _folder.At(role), "--name-server", names.Endpoint, "--replicas", "2", .. common])),
            .. new[] { "d1", "d2" }.Select(node => RoleAsync(
                ["run", BigFsRoleNames.DataNode, "--data", _folder.At(node), "--name-server", names.Endpoint, .. common])),
        ]);
        return (await File.ReadAllTextAsync(Path.Combine(_folder.At(BigFsRoleNames.MetadataServer), "admin-key"))).Trim();
    }

    private async Task<RoleLine> RoleAsync(string[] arguments)
    {
        BigfsProgram program = BigfsProgram.Start(arguments);
        lock (_roles)
        {
            _roles.Add(program);
        }

        string ready = await program.ReadLineAsync(ReadyDeadline);
        Note(ready);
        return RoleLine.ReadAll(ready).Single();
    }

    private async Task StopAsync()
    {
        foreach (BigfsProgram role in _roles)
        {
            role.Signal(BigfsProgram.SignalTerminate);
            ProgramResult result = await role.FinishAsync();
            Note(result.Text + result.Error);
        }
    }

    private async Task<(string Id, string Text)> CreateAsync(string admin, params string[] arguments)
    {
        ProgramResult made = await RunAsync(admin, ["admin", "key", "create", .. arguments, "--json"]);
        Assert.That(made.ExitCode, Is.EqualTo(ExitCode.Ok), made.Error);
        using JsonDocument line = JsonDocument.Parse(made.Text);
        return (line.RootElement.GetProperty("id").GetString()!, line.RootElement.GetProperty("key").GetString()!);
    }

    private async Task<ProgramResult> ExpectAsync(int exitCode, string? key, params string[] arguments)
    {
        ProgramResult result = await RunAsync(key, arguments);
        Note(result.Text + result.Error);
        Assert.That(result.ExitCode, Is.EqualTo(exitCode), $"{string.Join(' ', arguments)}: {result.Error}");
        return result;
    }

    private async Task<ProgramResult> RunAsync(string? key, string[] arguments)
    {
        string[] shown = key is null ? [] : ["--api-key-file", _folder.Write($"{Guid.NewGuid():N}.key", key)];
        return await BigfsProgram.RunAsync([.. arguments, "--endpoint", _endpoint, .. shown]);
    }

    private void Note(string text)
    {
        lock (_said)
        {
            _said.Add(text);
        }
    }
}

using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>Three datanodes, two replicas: whichever dies, whenever, no client operation fails.</summary>
[Category("Scenario")]
internal sealed class NodeDeathScenario
{
    private const int Small = 100_000;

    [Test]
    public async Task Killing_each_datanode_in_turn_at_rest_fails_nothing_and_every_file_is_still_read()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        await using BigFsClient client = cluster.Connect();
        List<(BigFsPath Path, long Seed, int Size)> files = [];
        await PutAsync("before", ScenarioLevel.Of(12, 60));

        for (int turn = 0; turn < ScenarioLevel.Of(3, 9); turn++)
        {
            RoleLine node = cluster.DataNodes[turn % 3];
            await ProcessScenario.KillAsync(node);

            await ReadAllAsync();
            await PutAsync($"without-{turn}", ScenarioLevel.Of(4, 20));
            await ReadAllAsync();

            await cluster.RestartAsync(node);
            await ReadAllAsync();
            await PutAsync($"after-{turn}", ScenarioLevel.Of(4, 20));
        }

        await ReadAllAsync();

        async Task PutAsync(string name, int count)
        {
            for (int i = 0; i < count; i++)
            {
                long seed = ScenarioLevel.Seed + files.Count;
                int size = Small + ((i % 4) * (3 << 20));
                BigFsPath path = $"/{name}/{i}";
                await client.UploadAsync(path, new SeededContent(seed, size));
                files.Add((path, seed, size));
            }
        }

        async Task ReadAllAsync()
        {
            foreach ((BigFsPath path, long seed, int size) in files)
            {
                await using BigFsReadStream content = await client.OpenReadAsync(path);
                await SeededContent.AssertEqualAsync(content, seed, size);
            }
        }
    }

    [Test]
    public async Task Killing_each_datanode_in_the_middle_of_an_upload_and_of_a_download_fails_neither()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        long size = ScenarioLevel.Of(48L << 20, 512L << 20);

        for (int turn = 0; turn < 3; turn++)
        {
            RoleLine node = cluster.DataNodes[turn];
            string path = $"bigfs:/big-{turn}";
            await UploadKillingAsync(cluster, path, ScenarioLevel.Seed + turn, size, node);
            node = await cluster.RestartAsync(node);

            await DownloadKillingAsync(cluster, path, ScenarioLevel.Seed + turn, size, node);
            await cluster.RestartAsync(node);
        }

        for (int turn = 0; turn < 3; turn++)
        {
            await using BigfsProgram all = cluster.Start("cat", $"bigfs:/big-{turn}");
            await SeededContent.AssertEqualAsync(all.Output, ScenarioLevel.Seed + turn, size);
        }
    }

    private static async Task UploadKillingAsync(ProcessScenario cluster, string path, long seed, long size, RoleLine node)
    {
        await using BigfsProgram upload = cluster.Start("cp", "-", path);
        await using var content = new SeededContent(seed, size);
        byte[] part = new byte[1 << 20];
        bool isKilled = false;
        for (int read; (read = content.Read(part)) > 0;)
        {
            await upload.Input.WriteAsync(part.AsMemory(0, read));
            if (!isKilled && content.Position >= size / 2)
            {
                await ProcessScenario.KillAsync(node);
                isKilled = true;
            }
        }

        upload.Input.Close();
        ProgramResult result = await upload.FinishAsync();
        Assert.That(result.ExitCode, Is.Zero, result.Error);
    }

    private static async Task DownloadKillingAsync(ProcessScenario cluster, string path, long seed, long size, RoleLine node)
    {
        await using BigfsProgram download = cluster.Start("cat", path);
        await using var killing = new KillAtStream(download.Output, size / 2, () => ProcessScenario.KillAsync(node));
        await SeededContent.AssertEqualAsync(killing, seed, size);
        Assert.That(await download.ExitAsync(), Is.Zero, string.Join('\n', download.ErrorLines));
    }

    /// <summary>Reads on, and does something when so many bytes have come.</summary>
    private sealed class KillAtStream(Stream inner, long position, Func<Task> action) : Stream
    {
        private long _read;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => _read;
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            long before = _read;
            int read = await inner.ReadAsync(buffer, cancellationToken);
            _read += read;
            if (before < position && _read >= position)
            {
                await action();
            }

            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

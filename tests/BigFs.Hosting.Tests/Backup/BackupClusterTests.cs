using BigFs.Hosting.Tests.Persistence;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Backup;

/// <summary>A cluster on sockets that is backed up under load, loses its control roles' data, and is restored.</summary>
[CancelAfter(120_000)]
internal sealed class BackupClusterTests
{
    private static readonly string[] Control =
        [BigFsRoleNames.NameServer, BigFsRoleNames.MetadataServer, BigFsRoleNames.NodeManager, BigFsRoleNames.FileServer];

    private TemporaryDirectory _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryDirectory();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public async Task What_was_acknowledged_before_a_backup_is_readable_after_its_restore([Values] bool mapToo)
    {
        string backup = Path.Combine(_folder.Path, "backup.tar");
        int before;
        int after = 0;
        await using (Running cluster = await Running.StartAsync(_folder.Path))
        {
            await using BigFsClient client = cluster.Client();
            await using BigFsAdmin admin = cluster.Admin();
            using var stop = new CancellationTokenSource();
            Task load = Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await client.UploadBytesAsync($"/load/{after:d5}", Content(after));
                    Interlocked.Increment(ref after);
                }
            });
            await Until(() => Volatile.Read(ref after) >= 10);
            before = Volatile.Read(ref after);
            BigFsBackup taken = await admin.BackupAsync(backup);
            int during = Volatile.Read(ref after);
            await Until(() => Volatile.Read(ref after) > during + 3);
            await stop.CancelAsync();
            await load;
            Assert.That((taken.Generation, taken.Cluster), Is.Not.EqualTo((1L, (Guid?)null)));
            Assert.That((await admin.CollectionAsync()).IsPaused, Is.False);
        }

        File.Delete(Path.Combine(_folder.Path, "metadata-server", "metadata.db"));
        if (mapToo)
        {
            File.Delete(Path.Combine(_folder.Path, "node-manager", "volumes.db"));
        }

        await BigFsRestore.RunAsync(new BigFsRestoreOptions
        {
            File = backup,
            MetadataDirectory = Path.Combine(_folder.Path, "metadata-server"),
            NodeManagerDirectory = mapToo ? Path.Combine(_folder.Path, "node-manager") : null,
        });

        await using Running again = await Running.StartAsync(_folder.Path);
        await using BigFsClient reader = again.Client();
        await using BigFsAdmin operatorsOwn = again.Admin();
        int found = 0;
        await foreach (BigFsEntry entry in reader.ListAsync("/load"))
        {
            Assert.That(await reader.ReadBytesAsync(entry.Path), Is.EqualTo(Content(found)), entry.Path.ToString());
            found++;
        }

        Assert.That(found, Is.InRange(before, after));
        await reader.UploadBytesAsync("/new", Content(7));
        Assert.That(await reader.ReadBytesAsync("/new"), Is.EqualTo(Content(7)));
        var findings = new List<BigFsFinding>();
        BigFsCheckSummary check = await operatorsOwn.CheckAsync(100, TimeSpan.Zero, findings.Add);
        Assert.That(check.IsDamaged, Is.False, string.Join('\n', findings));
        Assert.That(check.Files, Is.EqualTo(found + 1));
        BigFsCollection state = await operatorsOwn.CollectionAsync();
        Assert.That((state.Generation, state.IsPaused), Is.EqualTo((2L, true)));
        Assert.That((await operatorsOwn.ResumeCollectionAsync()).IsPaused, Is.False);
        Assert.That(
            await operatorsOwn.RaiseGenerationAsync(), Is.EqualTo(new BigFsCollection { Generation = 3, IsPaused = true }));
    }

    [Test]
    public async Task An_empty_metadata_database_beside_a_cluster_is_refused_and_the_right_one_is_taken_again()
    {
        string metadata = Path.Combine(_folder.Path, "metadata-server"), aside = Path.Combine(_folder.Path, "aside");
        await using (Running cluster = await Running.StartAsync(_folder.Path))
        {
            await using BigFsClient client = cluster.Client();
            await client.UploadBytesAsync("/a", Content(1));
        }

        Directory.Move(metadata, aside);
        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => Running.StartAsync(_folder.Path)))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.WrongCluster));
        Assert.That(refusal.Message, Does.Contain("backup"));

        Directory.Delete(metadata, recursive: true);
        Directory.Move(aside, metadata);
        await using Running again = await Running.StartAsync(_folder.Path);
        await using BigFsClient reader = again.Client();
        Assert.That(await reader.ReadBytesAsync("/a"), Is.EqualTo(Content(1)));
    }

    private static byte[] Content(int seed)
    {
        var bytes = new byte[100_000 + (seed * 7 % 1000)];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static async Task Until(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Delay(2, CancellationToken.None);
        }
    }

    /// <summary>The control roles and two datanodes, as four processes would be.</summary>
    private sealed class Running(List<BigFsRoleHost> hosts) : IAsyncDisposable
    {
        private Uri Endpoint => new($"bigfs://{hosts[0].Roles[0].Endpoint}");

        public static async Task<Running> StartAsync(string folder)
        {
            var cluster = new Running([]);
            try
            {
                await cluster.AddAsync(new BigFsRoleHostOptions { Roles = [.. Control], DataDirectory = folder });
                for (int number = 1; number <= 2; number++)
                {
                    await cluster.AddAsync(new BigFsRoleHostOptions
                    {
                        Roles = [BigFsRoleNames.DataNode],
                        DataDirectory = Path.Combine(folder, $"datanode-{number}"),
                        ClusterSecretFile = Path.Combine(folder, "node-manager", BigFsClusterSecretFile.Name),
                    });
                }

                return cluster;
            }
            catch
            {
                await cluster.DisposeAsync();
                throw;
            }
        }

        public BigFsClient Client() => new(new BigFsClientOptions { Endpoint = Endpoint });

        public BigFsAdmin Admin() => new(Endpoint);

        public async ValueTask DisposeAsync()
        {
            foreach (BigFsRoleHost host in Enumerable.Reverse(hosts))
            {
                await host.DisposeAsync();
            }
        }

        private async Task AddAsync(BigFsRoleHostOptions options)
        {
            options.NameServer = hosts.Count == 0 ? null : hosts[0].Roles[0].Endpoint;
            hosts.Add(await BigFsRoleHost.StartAsync(options));
        }
    }
}

using System.Collections.Concurrent;
using BigFs.Core.Control;
using BigFs.Core.Membership;
using BigFs.Core.Messaging;
using BigFs.Core.Model;
using BigFs.Core.Replication;
using BigFs.Core.Storage;
using BigFs.Hosting.NodeManager;
using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging;
using NUnit.Framework;
using Manager = BigFs.Hosting.NodeManager.NodeManager;

namespace BigFs.Hosting.Tests.NodeManager;

/// <summary>A real node manager on a real SQLite map (in memory), above datanodes in memory.</summary>
internal sealed class ManagerCluster : IAsyncDisposable
{
    private readonly Dictionary<VolumeId, List<ChunkKey>> _acknowledged = [];
    private ulong _nextKey = 1UL << ChunkKey.CounterBits;
    private Manager? _manager;

    private ManagerCluster(int nodes, SqliteVolumeMapStore store) => (Nodes, Store) = (new FakeDataNodes(nodes), store);

    public FakeDataNodes Nodes { get; }

    public SqliteVolumeMapStore Store { get; }

    public FakeBus Bus { get; } = new();

    public LogCollector Log { get; } = new();

    public Manager Manager => _manager!;

    public NodeManagerOptions Options { get; set; } = new()
    {
        HeartbeatInterval = TimeSpan.FromMilliseconds(10),
        SuspectAfter = TimeSpan.FromMilliseconds(50),
        DeadAfter = TimeSpan.FromMinutes(5),
        ProbeTimeout = TimeSpan.FromSeconds(5),
        MaxRetryPause = TimeSpan.FromMilliseconds(20),
        ReportInterval = TimeSpan.FromMilliseconds(30),
        VolumeSizeBytes = 1 << 20,
    };

    /// <summary>Chunks that every member of their volume had appended.</summary>
    public IReadOnlyDictionary<VolumeId, List<ChunkKey>> Acknowledged => _acknowledged;

    public static async Task<ManagerCluster> CreateAsync(int nodes) =>
        new(nodes, await SqliteVolumeMapStore.OpenAsync(null, CancellationToken.None));

    /// <summary>A cluster whose nodes are up and whose volumes stand open for two replicas.</summary>
    public static async Task<ManagerCluster> StartAsync(int nodes, int openVolumes)
    {
        ManagerCluster cluster = await CreateAsync(nodes);
        await cluster.StartManagerAsync();
        foreach (FakeDataNode node in cluster.Nodes.All)
        {
            await cluster.RegisterAsync(node);
        }

        await cluster.WaitAsync(map => map.Volumes.Count(volume => volume.State == VolumeState.Open) >= openVolumes);
        return cluster;
    }

    public async Task StartManagerAsync(IVolumeMapStore? store = null, IDataNodeDirectory? directory = null)
    {
        _manager = new Manager(store ?? Store, directory ?? Nodes, Signing.Signer, Bus, Options, TimeProvider.System, Log);
        await _manager.StartAsync(CancellationToken.None);
    }

    public async Task StopManagerAsync()
    {
        await Manager.DisposeAsync();
        _manager = null;
    }

    public async Task<NodeAdmission> RegisterAsync(FakeDataNode node)
    {
        NodeAdmission admission = await Manager.RegisterAsync(node.Report(), CancellationToken.None);
        node.ClusterId = admission.ClusterId;
        return admission;
    }

    public async Task<ClusterMap> MapAsync() => (await Manager.GetMapAsync(-1, CancellationToken.None))!;

    /// <summary>A client reports a node; true when the map shows it as suspect in the end.</summary>
    public async Task KillAsync(FakeDataNode node)
    {
        node.Stop();
        await Manager.ReportAsync(
            new ReplicaFault(new VolumeId(1), null, node.Id, ChunkStatus.Unreachable), CancellationToken.None);
        await WaitAsync(map => map.Nodes.Single(one => one.Id == node.Id).State == NodeState.Suspect);
    }

    /// <summary>Writes a chunk through a volume; acknowledged when all members took it.</summary>
    public bool Write(ClusterVolume volume, Func<NodeId, bool>? reaches = null)
    {
        var key = new ChunkKey(_nextKey++);
        bool isOk = true;
        foreach (VolumeMember member in volume.Members)
        {
            isOk &= reaches?.Invoke(member.Node) != false && Nodes.Of(member.Node).Append(volume.Id, volume.Epoch, key);
        }

        if (isOk)
        {
            if (!_acknowledged.TryGetValue(volume.Id, out List<ChunkKey>? keys))
            {
                _acknowledged[volume.Id] = keys = [];
            }

            keys.Add(key);
        }

        return isOk;
    }

    public async Task WriteToAllAsync()
    {
        foreach (ClusterVolume volume in (await MapAsync()).Volumes.Where(volume => volume.State == VolumeState.Open))
        {
            Assert.That(Write(volume), $"volume {volume.Id} is open and takes appends");
        }
    }

    public Task<ClusterMap> WaitAsync(Func<ClusterMap, bool> condition, string what = "the expected map") =>
        WaitAsync(() => true, condition, what);

    /// <summary>Waits for a condition, at most ten seconds; the map is printed when it does not come.</summary>
    public async Task<ClusterMap> WaitAsync(Func<bool> other, Func<ClusterMap, bool> condition, string what = "the expected state")
    {
        long begun = TimeProvider.System.GetTimestamp();
        ClusterMap map;
        while (!other() | !condition(map = await MapAsync()))
        {
            if (TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(10))
            {
                Assert.Fail($"{what} did not come:\n{Text(map)}\n{string.Join('\n', Log.Lines.TakeLast(40))}");
            }

            await Task.Delay(1);
        }

        return map;
    }

    /// <summary>Every volume open or sealed, every member verified, every node up.</summary>
    public Task<ClusterMap> WaitUntilWholeAsync() => WaitAsync(IsWhole, "a whole cluster");

    public static bool IsWhole(ClusterMap map) =>
        map.Nodes.All(node => node.State == NodeState.Up)
        && map.Volumes.All(volume => volume.State is VolumeState.Open or VolumeState.Sealed
            && volume.Members.All(member => member.Verified));

    /// <summary>Every acknowledged chunk is on every verified member, and no deleted key lives.</summary>
    public async Task AssertNothingLostAsync()
    {
        foreach (ClusterVolume volume in (await MapAsync()).Volumes)
        {
            foreach (VolumeMember member in volume.Members.Where(member => member.Verified))
            {
                var keys = Nodes.Of(member.Node).Chunks(volume.Id).Select(chunk => chunk.Key).ToHashSet();
                Assert.That(
                    _acknowledged.GetValueOrDefault(volume.Id) ?? [],
                    Is.SubsetOf(keys),
                    $"volume {volume.Id} on {member.Node} ({(await MapAsync()).Version})");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_manager is not null)
        {
            await _manager.DisposeAsync();
        }

        await Store.DisposeAsync();
    }

    public static string Text(ClusterMap map) => string.Join('\n',
    [
        .. map.Nodes.Select(node => $"{node.Id} {node.State}"),
        .. map.Volumes.Select(volume => $"volume {volume.Id} {volume.State} epoch {volume.Epoch}: "
            + string.Join(", ", volume.Members.Select(member => $"{member.Node}{(member.Verified ? "" : "?")}"))),
    ]);

    /// <summary>Keeps log lines.</summary>
    internal sealed class LogCollector : ILogger
    {
        private readonly ConcurrentQueue<(int Id, string Line)> _lines = [];

        public IEnumerable<string> Lines => _lines.Select(pair => pair.Line);

        public bool Has(int eventId) => _lines.Any(pair => pair.Id == eventId);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue((eventId.Id, $"{eventId.Id} {formatter(state, exception)} {exception?.Message}"));
    }
}

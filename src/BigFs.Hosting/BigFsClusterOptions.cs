using BigFs.Core.Model;
using BigFs.Core.Storage;
using BigFs.Hosting.MetadataServer;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting;

/// <summary>Settings of a cluster in the process; validated when it starts.</summary>
public sealed class BigFsClusterOptions
{
    /// <summary>How many datanodes, 1 to 64; default 3.</summary>
    public int DataNodes { get; set; } = 3;

    /// <summary>How many file servers, 1 to 16; default 1. More than one only with <see cref="Listen"/>, each on a port of its own.</summary>
    public int FileServers { get; set; } = 1;

    /// <summary>
    /// Replicas of a file that asks for no number of its own, 1 to 8 and at most the datanodes; default 2, or the number of
    /// datanodes where there are fewer.
    /// </summary>
    public int? Replicas { get; set; }

    /// <summary>
    /// Where everything is kept, a folder per role; null (default): a new temporary folder, deleted when the cluster is
    /// disposed.
    /// </summary>
    public string? DataDirectory { get; set; }

    /// <summary>Keep everything in memory; nothing survives the process. Default no. Excludes a data directory.</summary>
    public bool InMemory { get; set; }

    /// <summary>Where names are kept; null (default): SQLite, with the rest of the data.</summary>
    public BigFsMetadataEngine? Metadata { get; set; }

    /// <summary>
    /// Whether other processes can reach the cluster on loopback sockets. Default no: everything is called directly and
    /// no port is opened.
    /// </summary>
    public bool Listen { get; set; }

    /// <summary>With <see cref="Listen"/>: the name server's port on loopback; 0 (default) for any free one.</summary>
    public int Port { get; set; }

    /// <summary>
    /// Bytes that each datanode may hold prepared ahead of need, all open volumes together, 0 to 1 TiB; default 256 MiB.
    /// </summary>
    public long PreparedBytesPerNode { get; set; } = 256L << 20;

    /// <summary>Bytes of its chunks that each datanode rereads and verifies a second, 0 (never) to 1 TiB; default 16 MiB.</summary>
    public long ScrubBytesPerSecond { get; set; } = 16L << 20;

    /// <summary>Pause before each time that each datanode rereads all its chunks, longer than zero; default 6 hours.</summary>
    public TimeSpan ScrubInterval { get; set; } = TimeSpan.FromHours(6);

    /// <summary>
    /// How events travel: "relay" (default), here directly, or "kafka", which needs <see cref="BusEngine"/> and
    /// <see cref="Kafka"/>.
    /// </summary>
    public string Bus { get; set; } = BigFsBusKinds.Relay;

    /// <summary>The engine for <see cref="Bus"/> "kafka", from the package BigFs.Hosting.Kafka (<c>UseKafka</c>); null: none.</summary>
    public BigFsBusEngine? BusEngine { get; set; }

    /// <summary>The Kafka cluster, with <see cref="Bus"/> "kafka".</summary>
    public BigFsKafkaOptions Kafka { get; } = new();

    /// <summary>
    /// A gateway that is served, too, from the package BigFs.Hosting.Gateway (<c>UseGateway</c>); null (default): none. Only with
    /// <see cref="Listen"/>.
    /// </summary>
    public BigFsGatewayEngine? GatewayEngine { get; set; }

    /// <summary>The gateway's settings, where there is one.</summary>
    public BigFsGatewayOptions Gateway { get; } = new();

    /// <summary>Where log events go; null (default): nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>Stands between a datanode (its number, from 1) and its disk, for tests that inject failures.</summary>
    internal Func<int, IDisk, IDisk>? WrapDisk { get; set; }

    /// <summary>How deletions are carried out, for tests that wait for them; null for the defaults.</summary>
    internal MetadataPace? Pace { get; set; }

    /// <summary><see cref="Replicas"/> with its default filled in.</summary>
    public int EffectiveReplicas => Replicas ?? Math.Min(2, DataNodes);

    /// <exception cref="BigFsException">InvalidSettings, naming the setting and its range.</exception>
    internal void Validate()
    {
        SettingsCheck.Between(DataNodes, 1, 64, nameof(DataNodes));
        int most = Math.Min(DataNodes, Limits.MaxReplicas);
        SettingsCheck.Between(EffectiveReplicas, 1, most, nameof(Replicas));
        SettingsCheck.Between(FileServers, 1, 16, nameof(FileServers));
        SettingsCheck.Require(FileServers == 1 || Listen, nameof(FileServers), FileServers, "1 without Listen");
        SettingsCheck.Between(Port, 0, 65535, nameof(Port));
        SettingsCheck.Require(Port == 0 || Listen, nameof(Port), Port, "set only together with Listen");
        SettingsCheck.Require(
            PreparedBytesPerNode is >= 0 and <= 1L << 40, nameof(PreparedBytesPerNode), PreparedBytesPerNode, "0 to 1 TiB");
        SettingsCheck.Require(
            ScrubBytesPerSecond is >= 0 and <= 1L << 40, nameof(ScrubBytesPerSecond), ScrubBytesPerSecond, "0 to 1 TiB");
        SettingsCheck.Require(ScrubInterval > TimeSpan.Zero, nameof(ScrubInterval), ScrubInterval, "longer than zero");
        Metadata?.Validate();
        SettingsCheck.Require(!InMemory || DataDirectory is null, nameof(DataDirectory), DataDirectory, "null when InMemory is set");
        SettingsCheck.Require(GatewayEngine is null || Listen, nameof(GatewayEngine), GatewayEngine, "set only together with Listen");
        if (GatewayEngine is not null)
        {
            Gateway.Validate(beyondLoopback: false);
        }

        BigFsBusEngine.Check(Bus, BusEngine, Kafka);
    }
}

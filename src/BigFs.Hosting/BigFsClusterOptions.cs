namespace BigFs.Hosting;

/// <summary>Settings of a cluster in the process; validated when it starts.</summary>
public sealed class BigFsClusterOptions
{
    /// <summary>How many datanodes, 1 to 64; default 3.</summary>
    public int DataNodes { get; set; } = 3;

    /// <summary>Replicas of each chunk, 1 to 8; default 2, or the number of datanodes where there are fewer.</summary>
    public int? Replicas { get; set; }

    /// <summary>
    /// Where everything is kept, a folder per role; null (default): a new temporary folder, deleted when the cluster is
    /// disposed.
    /// </summary>
    public string? DataDirectory { get; set; }

    /// <summary>Keep everything in memory; nothing survives the process. Default no. Excludes a data directory.</summary>
    public bool InMemory { get; set; }

    /// <summary>
    /// Whether other processes can reach the cluster on loopback sockets. Default no: everything is called directly and
    /// no port is opened.
    /// </summary>
    public bool Listen { get; set; }

    /// <summary>With <see cref="Listen"/>: the name server's port on loopback; 0 (default) for any free one.</summary>
    public int Port { get; set; }

    /// <summary>
    /// Bytes that each datanode may hold prepared ahead of need, all open volumes together; default 64 MiB.
    /// </summary>
    public long PreparedBytesPerNode { get; set; } = 64L << 20;

    /// <summary>Where log events go; null (default): nowhere.</summary>
    public Microsoft.Extensions.Logging.ILoggerFactory? LoggerFactory { get; set; }
}

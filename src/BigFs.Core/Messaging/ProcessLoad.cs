namespace BigFs.Core.Messaging;

/// <summary>How a role's process, and the machine below it, fare; what a system does not tell is 0.</summary>
public sealed record ProcessLoad
{
    /// <summary>Processor time a second: 1.0 is one core kept busy.</summary>
    public required double CpuCores { get; init; }

    /// <summary>Cores of the machine that the process may use.</summary>
    public required int Cores { get; init; }

    /// <summary>Bytes of the process in memory.</summary>
    public required long ResidentBytes { get; init; }

    /// <summary>Bytes of memory of the machine that are free or can be freed at once.</summary>
    public required long MemoryAvailableBytes { get; init; }

    /// <summary>Bytes of memory of the machine.</summary>
    public required long MemoryTotalBytes { get; init; }

    /// <summary>Bytes a second that arrive at the machine, loopback included.</summary>
    public required long NetworkReceivedBytesPerSecond { get; init; }

    /// <summary>Bytes a second that leave the machine, loopback included.</summary>
    public required long NetworkSentBytesPerSecond { get; init; }
}

using BigFs.Core.Model;

namespace BigFs.Hosting.NodeManager;

/// <summary>Settings of a node manager.</summary>
internal sealed record NodeManagerOptions
{
    /// <summary>How often datanodes send heartbeats, and how often their silence is looked at; default 0.5 s.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Silence after which a datanode is probed; default 5 s, more than the heartbeat interval.</summary>
    public TimeSpan SuspectAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a probe waits for the answer; default 1 s.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Probes in a row that must fail before a datanode is suspect; default 2.</summary>
    public int ProbeAttempts { get; init; } = 2;

    /// <summary>Longest pause between probes of a suspect datanode, and between tries of a job that fails; default 5 s.</summary>
    public TimeSpan MaxRetryPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a datanode that is up is asked how full its volumes are; default 5 s.</summary>
    public TimeSpan ReportInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Replicas of a file that asks for no number of its own; default 2, 1 to 8.</summary>
    public int DefaultReplicas { get; init; } = 2;

    /// <summary>Size at which a volume is full, bytes; default 1 GiB. The datanodes' own setting must not be smaller.</summary>
    public long VolumeSizeBytes { get; init; } = 1L << 30;

    /// <summary>Volumes that are opened, sealed or compared at the same time; default 8.</summary>
    public int MaxVolumeJobs { get; init; } = 8;

    /// <summary>Checks the settings.</summary>
    /// <exception cref="BigFsException">InvalidSettings, naming the setting.</exception>
    public void Validate()
    {
        Require(HeartbeatInterval > TimeSpan.Zero, nameof(HeartbeatInterval), "must be more than zero");
        Require(SuspectAfter > HeartbeatInterval, nameof(SuspectAfter), "must be more than HeartbeatInterval");
        Require(ProbeTimeout > TimeSpan.Zero, nameof(ProbeTimeout), "must be more than zero");
        Require(ProbeAttempts is >= 1 and <= 10, nameof(ProbeAttempts), "must be 1 to 10");
        Require(MaxRetryPause >= HeartbeatInterval, nameof(MaxRetryPause), "must not be less than HeartbeatInterval");
        Require(ReportInterval > TimeSpan.Zero, nameof(ReportInterval), "must be more than zero");
        Require(
            DefaultReplicas is >= 1 and <= Limits.MaxReplicas, nameof(DefaultReplicas), $"must be 1 to {Limits.MaxReplicas}");
        Require(VolumeSizeBytes >= 1 << 20, nameof(VolumeSizeBytes), "must be at least 1 MiB");
        Require(MaxVolumeJobs >= 1, nameof(MaxVolumeJobs), "must be 1 or more");
    }

    private static void Require(bool holds, string setting, string rule)
    {
        if (!holds)
        {
            throw new BigFsException(BigFsErrorCode.InvalidSettings, $"Node manager setting {setting} {rule}.");
        }
    }
}

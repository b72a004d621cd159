using BigFs.Core.Model;

namespace BigFs.Hosting.NodeManager;

/// <summary>Settings of a node manager.</summary>
internal sealed record NodeManagerOptions
{
    /// <summary>How often datanodes send heartbeats, and how often their silence is looked at; default 0.5 s.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Silence after which a datanode is probed; default 5 s, more than the heartbeat interval.</summary>
    public TimeSpan SuspectAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Silence, to probes too, after which a suspect datanode is dead: it is no more counted on; default 5 min, more than
    /// <see cref="SuspectAfter"/>.
    /// </summary>
    public TimeSpan DeadAfter { get; init; } = TimeSpan.FromMinutes(5);

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
    public long VolumeSizeBytes { get; init; } = Limits.DefaultVolumeSizeBytes;

    /// <summary>Volumes that are opened, sealed or compared at the same time; default 8.</summary>
    public int MaxVolumeJobs { get; init; } = 8;

    /// <summary>Checks the settings.</summary>
    /// <exception cref="BigFsException">InvalidSettings, naming the setting.</exception>
    public void Validate()
    {
        SettingsCheck.Positive(HeartbeatInterval, nameof(HeartbeatInterval));
        SettingsCheck.Require(
            SuspectAfter > HeartbeatInterval, nameof(SuspectAfter), SuspectAfter, "more than HeartbeatInterval");
        SettingsCheck.Require(DeadAfter > SuspectAfter, nameof(DeadAfter), DeadAfter, "more than SuspectAfter");
        SettingsCheck.Positive(ProbeTimeout, nameof(ProbeTimeout));
        SettingsCheck.Between(ProbeAttempts, 1, 10, nameof(ProbeAttempts));
        SettingsCheck.Require(
            MaxRetryPause >= HeartbeatInterval, nameof(MaxRetryPause), MaxRetryPause, "HeartbeatInterval or more");
        SettingsCheck.Positive(ReportInterval, nameof(ReportInterval));
        SettingsCheck.Between(DefaultReplicas, 1, Limits.MaxReplicas, nameof(DefaultReplicas));
        SettingsCheck.Require(VolumeSizeBytes >= 1 << 20, nameof(VolumeSizeBytes), VolumeSizeBytes, "at least 1 MiB");
        SettingsCheck.Require(MaxVolumeJobs >= 1, nameof(MaxVolumeJobs), MaxVolumeJobs, "1 or more");
    }
}

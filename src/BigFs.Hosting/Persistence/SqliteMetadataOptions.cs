using BigFs.Core.Model;

namespace BigFs.Hosting.Persistence;

/// <summary>Settings of the namespace's database.</summary>
internal sealed record SqliteMetadataOptions
{
    /// <summary>The folder of the file "metadata.db"; null: in memory, gone with the process.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>How long an upload session lives after each renewal; default 5 minutes.</summary>
    public TimeSpan SessionTimeToLive { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a replaced or deleted version can still be read; default 1 hour.</summary>
    public TimeSpan ReadLease { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long the first answer of an operation is kept for a retry; default 1 hour.</summary>
    public TimeSpan OperationRetention { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Past which length the write-ahead log is cut, also under constant reading, 1 MiB or more; default 64 MiB.</summary>
    public long MostLogBytes { get; init; } = 64 << 20;

    /// <summary>Replicas of an upload that asks for no number, 1 to <see cref="Limits.MaxReplicas"/>; default 2.</summary>
    public int DefaultReplicas { get; init; } = 2;

    /// <summary>Refuses settings that are out of range.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public void Validate()
    {
        const string Positive = "above zero";
        SettingsCheck.Require(SessionTimeToLive > TimeSpan.Zero, nameof(SessionTimeToLive), SessionTimeToLive, Positive);
        SettingsCheck.Require(OperationRetention > TimeSpan.Zero, nameof(OperationRetention), OperationRetention, Positive);
        SettingsCheck.Require(ReadLease >= TimeSpan.Zero, nameof(ReadLease), ReadLease, "zero or more");
        SettingsCheck.Require(MostLogBytes >= 1 << 20, nameof(MostLogBytes), MostLogBytes, "1 MiB or more");
        SettingsCheck.Between(DefaultReplicas, 1, Limits.MaxReplicas, nameof(DefaultReplicas));
    }
}

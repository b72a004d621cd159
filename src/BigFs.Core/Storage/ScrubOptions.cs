using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>How a datanode rereads what it stores.</summary>
public sealed record ScrubOptions
{
    /// <summary>Bytes of chunks that are reread a second, on average; 0: never; default 16 MiB.</summary>
    public long BytesPerSecond { get; init; } = 16L << 20;

    /// <summary>Pause before each pass over all chunks, the first one included; default 6 hours.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="BigFsException"><see cref="BigFsErrorCode.InvalidSettings"/>, naming the setting.</exception>
    public void Validate()
    {
        SettingsCheck.Require(BytesPerSecond >= 0, nameof(BytesPerSecond), BytesPerSecond, "0 or more");
        SettingsCheck.Require(Interval > TimeSpan.Zero, nameof(Interval), Interval, "longer than zero");
    }
}

/// <summary>How far the scrub is.</summary>
/// <param name="Passes">Passes over all volumes that have ended.</param>
/// <param name="Volume">The volume that is being reread; null between two passes.</param>
/// <param name="Chunks">Chunks verified since the start.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Damaged">How many times a chunk was found damaged or unreadable.</param>
public sealed record ScrubProgress(long Passes, VolumeId? Volume, long Chunks, long Bytes, long Damaged);

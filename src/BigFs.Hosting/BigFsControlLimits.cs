using BigFs.Core.Model;

namespace BigFs.Hosting;

/// <summary>What callers may take of a control port, all together or each; validated when it starts to listen.</summary>
public sealed class BigFsControlLimits
{
    /// <summary>Connections at a time, 1 to 1,000,000; default 4,096. More are closed at once.</summary>
    public int Connections { get; set; } = 4096;

    /// <summary>Calls at a time on one connection, 1 to 10,000; default 256. More wait at the caller.</summary>
    public int StreamsPerConnection { get; set; } = 256;

    /// <summary>Bytes of all headers of a call, 1 KiB to 1 MiB; default 32 KiB.</summary>
    public int HeaderBytes { get; set; } = 32 << 10;

    /// <summary>How long the headers of a call may take to arrive, 1 s to 10 min; default 15 s.</summary>
    public TimeSpan HeaderTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Bytes a second, at least, at which a message arrives that has begun, and answers are taken, 1 to 1 MiB; default 240.
    /// Streams between messages may be silent.
    /// </summary>
    public int LeastBytesPerSecond { get; set; } = 240;

    /// <summary>How long a message or answer may be slower than that, 2 s to 10 min; default 10 s.</summary>
    public TimeSpan SlowFor { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes of one message, 1 MiB to 64 MiB; default 64 MiB, which the manifest of the largest file takes.</summary>
    public int MessageBytes { get; set; } = 64 << 20;

    /// <summary>
    /// Bytes of messages that have begun to arrive and are not complete, all calls together, 1 MiB to 64 GiB; default 512 MiB.
    /// Beyond it calls with more than 64 KiB are refused with Unavailable, and may try again.
    /// </summary>
    public long BytesInFlight { get; set; } = 512L << 20;

    /// <exception cref="BigFsException">InvalidSettings, naming the setting and its range.</exception>
    internal void Validate()
    {
        SettingsCheck.Between(Connections, 1, 1_000_000, nameof(Connections));
        SettingsCheck.Between(StreamsPerConnection, 1, 10_000, nameof(StreamsPerConnection));
        SettingsCheck.Between(HeaderBytes, 1 << 10, 1 << 20, nameof(HeaderBytes));
        SettingsCheck.Between(LeastBytesPerSecond, 1, 1 << 20, nameof(LeastBytesPerSecond));
        SettingsCheck.Between(MessageBytes, 1 << 20, 64 << 20, nameof(MessageBytes));
        SettingsCheck.Require(BytesInFlight is >= 1 << 20 and <= 64L << 30, nameof(BytesInFlight), BytesInFlight, "1 MiB to 64 GiB");
        Within(HeaderTimeout, 1, nameof(HeaderTimeout));
        Within(SlowFor, 2, nameof(SlowFor));
    }

    private static void Within(TimeSpan value, int leastSeconds, string setting) => SettingsCheck.Require(
        value >= TimeSpan.FromSeconds(leastSeconds) && value <= TimeSpan.FromMinutes(10),
        setting,
        value,
        $"{leastSeconds} s to ten minutes");
}

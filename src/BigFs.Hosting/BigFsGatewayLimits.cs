using BigFs.Core.Model;

namespace BigFs.Hosting;

/// <summary>What applications may take of a gateway, all together or each; validated when it starts.</summary>
public sealed class BigFsGatewayLimits
{
    /// <summary>Connections at a time, 1 to 1,000,000; default 8,192. More are closed at once.</summary>
    public int Connections { get; set; } = 8192;

    /// <summary>Calls at a time on one HTTP/2 connection, 1 to 10,000; default 256. More wait at the caller.</summary>
    public int StreamsPerConnection { get; set; } = 256;

    /// <summary>
    /// Files on their way in or out at a time, 1 to 100,000; default 1,024. Beyond it requests for contents are refused with
    /// Unavailable, and may try again.
    /// </summary>
    public int BodiesInFlight { get; set; } = 1024;

    /// <summary>
    /// Bytes of uploads that have arrived and are not on datanodes yet, 64 MiB to 64 GiB; default 1 GiB. Beyond it further uploads are
    /// refused with Unavailable, and may try again; those that have begun go on.
    /// </summary>
    public long BodyBytesInFlight { get; set; } = 1L << 30;

    /// <summary>Bytes of all headers of a request, 1 KiB to 1 MiB; default 32 KiB.</summary>
    public int HeaderBytes { get; set; } = 32 << 10;

    /// <summary>How long the headers of a request may take to arrive, 1 s to 10 min; default 15 s.</summary>
    public TimeSpan HeaderTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection without a request stays open, 1 s to 1 h; default 130 s.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(130);

    /// <summary>
    /// Bytes a second, at least, at which contents arrive and are taken, 1 to 1 MiB; default 240. Streams of gRPC may be silent
    /// between messages.
    /// </summary>
    public int LeastBytesPerSecond { get; set; } = 240;

    /// <summary>How long contents may be slower than that, 2 s to 10 min; default 10 s. Then the connection is closed.</summary>
    public TimeSpan SlowFor { get; set; } = TimeSpan.FromSeconds(10);

    /// <exception cref="BigFsException">InvalidSettings, naming the setting and its range.</exception>
    internal void Validate()
    {
        Between(Connections, 1, 1_000_000, nameof(Connections));
        Between(StreamsPerConnection, 1, 10_000, nameof(StreamsPerConnection));
        Between(BodiesInFlight, 1, 100_000, nameof(BodiesInFlight));
        Between(HeaderBytes, 1 << 10, 1 << 20, nameof(HeaderBytes));
        Between(LeastBytesPerSecond, 1, 1 << 20, nameof(LeastBytesPerSecond));
        SettingsCheck.Require(
            BodyBytesInFlight is >= 64L << 20 and <= 64L << 30,
            BigFsGatewayOptions.Name(nameof(BodyBytesInFlight)),
            BodyBytesInFlight,
            "64 MiB to 64 GiB");
        Within(HeaderTimeout, 1, 600, nameof(HeaderTimeout));
        Within(IdleTimeout, 1, 3600, nameof(IdleTimeout));
        Within(SlowFor, 2, 600, nameof(SlowFor));
    }

    private static void Between(int value, int least, int most, string setting) =>
        SettingsCheck.Between(value, least, most, BigFsGatewayOptions.Name(setting));

    private static void Within(TimeSpan value, int least, int most, string setting) => SettingsCheck.Require(
        value >= TimeSpan.FromSeconds(least) && value <= TimeSpan.FromSeconds(most),
        BigFsGatewayOptions.Name(setting),
        value,
        $"{least} s to {most} s");
}

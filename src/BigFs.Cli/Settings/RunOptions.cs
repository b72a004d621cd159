using BigFs.Hosting;

namespace BigFs.Cli.Settings;

/// <summary>What <c>bigfs run</c> is set to: the roles and, beside them, what the process shows of itself.</summary>
internal sealed class RunOptions
{
    /// <summary>The roles' settings.</summary>
    public BigFsRoleHostOptions Host { get; } = new();

    /// <summary>
    /// Where health and metrics are served over HTTP, "host:port" on loopback, port 0 for any; null (default): nowhere.
    /// </summary>
    public string? HttpListen { get; set; }

    /// <summary>Where traces and metrics are sent by OTLP over gRPC, "http://host:port"; null (default): nowhere.</summary>
    public string? OtlpEndpoint { get; set; }

    /// <summary>How log events are written on standard error: "text" (default) or "json".</summary>
    public string LogFormat { get; set; } = LogFormats.Text;

    /// <summary>Share of operations that are traced when nobody decided it before them, 0 to 1; default 0.01.</summary>
    public double TraceShare { get; set; } = 0.01;
}

/// <summary>The names of log formats.</summary>
internal static class LogFormats
{
    public const string Text = "text";
    public const string Json = "json";
}

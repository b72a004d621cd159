using System.Globalization;
using System.Text.Json;
using BigFs.Cli.Output;

namespace BigFs.Cli.Bench;

/// <summary>What a measurement came to.</summary>
internal sealed record BenchResult
{
    public required BenchPlan Plan { get; init; }

    /// <summary>Bytes of a file; on average over those that were transferred, when they differ.</summary>
    public required long Size { get; init; }

    /// <summary>Replicas of each chunk; null when nothing was transferred.</summary>
    public required int? Replicas { get; init; }

    /// <summary>What an upload rests on; null for downloads.</summary>
    public required BigFsDurability? Durability { get; init; }

    /// <summary>Wall-clock time of the measured part.</summary>
    public required double Seconds { get; init; }

    /// <summary>Bytes of what succeeded.</summary>
    public required long Bytes { get; init; }

    /// <summary>Operations that succeeded.</summary>
    public required int Done { get; init; }

    /// <summary>Operations that failed.</summary>
    public required int Failed { get; init; }

    /// <summary>Latencies of what succeeded, sorted.</summary>
    public required double[] Milliseconds { get; init; }

    /// <summary>Processor time of the client and of the servers on this machine.</summary>
    public required double CpuSeconds { get; init; }

    /// <summary>Servers' processes in it.</summary>
    public required int CpuServers { get; init; }

    public required double ClientIdleMebibytes { get; init; }

    public required double ClientPeakMebibytes { get; init; }

    public double MegabytesPerSecond => Seconds > 0 ? Bytes / 1e6 / Seconds : 0;

    public double OperationsPerSecond => Seconds > 0 ? Done / Seconds : 0;

    /// <summary>Null when no byte was transferred.</summary>
    public double? CpuSecondsPerGigabyte => Bytes > 0 ? CpuSeconds / (Bytes / 1e9) : null;

    /// <summary>Null when nothing succeeded.</summary>
    public double? CpuMicrosecondsPerOperation => Done > 0 ? CpuSeconds * 1e6 / Done : null;

    private string? DurabilityWord => Durability switch
    {
        null => null,
        BigFsDurability.Flushed => "flushed",
        _ => "memory",
    };

    /// <summary>The properties of the one object on standard output.</summary>
    public void WriteJson(Utf8JsonWriter writer)
    {
        writer.WriteString("operation", Plan.Name);
        writer.WriteNumber("size", Size);
        writer.WriteNumber("count", Plan.Count);
        writer.WriteNumber("concurrency", Plan.Concurrency);
        Number("replicas", Replicas);
        writer.WriteString("durability", DurabilityWord);
        Number("seconds", Seconds);
        Number("megabytesPerSecond", MegabytesPerSecond);
        Number("operationsPerSecond", OperationsPerSecond);
        Number("p50Milliseconds", Percentile.Of(Milliseconds, 50));
        Number("p99Milliseconds", Percentile.Of(Milliseconds, 99));
        Number("cpuSecondsPerGigabyte", CpuSecondsPerGigabyte);
        Number("cpuMicrosecondsPerOperation", CpuMicrosecondsPerOperation);
        Number("clientIdleMebibytes", ClientIdleMebibytes);
        Number("clientPeakMebibytes", ClientPeakMebibytes);
        writer.WriteNumber("failed", Failed);

        void Number(string name, double? value)
        {
            if (value is { } known)
            {
                writer.WriteNumber(name, Math.Round(known, 4));
            }
            else
            {
                writer.WriteNull(name);
            }
        }
    }

    /// <summary>The same for people.</summary>
    public void Write(TextWriter output)
    {
        string held = !Plan.IsTransfer && Plan.Operation != BenchOperation.Create ? "" : Replicas is { } replicas
            ? Invariant($", {replicas} {(replicas == 1 ? "replica" : "replicas")}{(DurabilityWord is { } word ? ", " + word : "")}")
            : "";
        string what = Plan.IsTransfer ? Invariant($" x {Text.Size(Size)}") : Plan.Operation == BenchOperation.List ? " entries" : " files";
        string bytes = Plan.IsTransfer ? Invariant($"{MegabytesPerSecond:0.0} MB/s, ") : "";
        string unit = Plan.Operation == BenchOperation.List ? "entries" : "files";
        string where = !Plan.AtMetadataServer ? "" : Plan.Unary ? ", at the metadata server, unary" : ", at the metadata server";
        Line("what", Invariant($"{Plan.Name} {Done}{what}, {Plan.Concurrency} at once{held}{where}"));
        Line("rate", Invariant($"{bytes}{OperationsPerSecond:0.0} {unit}/s in {Seconds:0.00} s"));
        if (Percentile.Of(Milliseconds, 50) is { } median)
        {
            Line("latency", Invariant($"p50 {median:0.00} ms, p99 {Percentile.Of(Milliseconds, 99):0.00} ms"));
        }

        if (CpuMicrosecondsPerOperation is { } perFile)
        {
            string perGigabyte = CpuSecondsPerGigabyte is { } seconds ? Invariant($"{seconds:0.00} s/GB, ") : "";
            Line("cpu", Invariant($"{perGigabyte}{perFile:0.#} us {(Plan.Operation == BenchOperation.List ? "an entry" : "a file")} (client and {CpuServers} server processes)"));
        }

        Line("memory", Invariant($"client {ClientIdleMebibytes:0.0} MiB idle, {ClientPeakMebibytes:0.0} MiB at most"));
        if (Failed > 0)
        {
            Line("failed", Invariant($"{Failed} of {Plan.Count * Plan.Passes}"));
        }

        void Line(string label, string value) => output.WriteLine($"{label,-9} {value}");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace BigFs.Hosting.Telemetry;

/// <summary>What the gRPC services of this process are called with (docs/telemetry.md).</summary>
internal static class ServiceMetrics
{
    private static readonly Histogram<double> Duration = BigFsTelemetry.Meter.CreateHistogram(
        "bigfs.service.call.duration",
        "s",
        "Time of a call, unary or on a shared stream, by \"service\", \"operation\" and \"outcome\".",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets.Seconds });

    private static readonly UpDownCounter<long> InFlight = BigFsTelemetry.Meter.CreateUpDownCounter<long>(
        "bigfs.service.calls_in_flight", "{call}", "Calls that have begun and not ended, streams among them, by \"service\" and \"operation\".");

    private static readonly Counter<long> Late = BigFsTelemetry.Meter.CreateCounter<long>(
        "bigfs.service.calls_late", "{call}", "Calls on a shared stream that were not begun, or ended, because their time was up, by \"service\".");

    /// <summary>Begins a call that ends by <see cref="Call.End"/>.</summary>
    /// <param name="service">The role's service.</param>
    /// <param name="operation">The call.</param>
    /// <param name="parent">The caller's activity in W3C form; null or empty for that of this flow, if any.</param>
    public static Call Begin(string service, string operation, string? parent)
    {
        InFlight.Add(1, new KeyValuePair<string, object?>("service", service), new KeyValuePair<string, object?>("operation", operation));
        return new Call(service, operation, Start(service, operation, parent));
    }

    /// <summary>A call's time was up.</summary>
    public static void WasLate(string service) => Late.Add(1, new KeyValuePair<string, object?>("service", service));

    private static Activity? Start(string service, string operation, string? parent)
    {
        if (!BigFsTelemetry.Activities.HasListeners())
        {
            return null;
        }

        ActivityContext context = default;
        if (!string.IsNullOrEmpty(parent))
        {
            ActivityContext.TryParse(parent, null, isRemote: true, out context);
        }

        Activity? activity = context == default
            ? BigFsTelemetry.Activities.StartActivity($"bigfs.{service}/{operation}", ActivityKind.Server)
            : BigFsTelemetry.Activities.StartActivity($"bigfs.{service}/{operation}", ActivityKind.Server, context);
        activity?.SetTag("bigfs.service", service);
        activity?.SetTag("bigfs.operation", operation);
        return activity;
    }

    /// <summary>A call under way.</summary>
    public readonly struct Call(string service, string operation, Activity? activity)
    {
        private readonly long _began = Stopwatch.GetTimestamp();

        /// <summary>Ends it.</summary>
        /// <param name="outcome">"Ok", a code, "Canceled" or "Fault".</param>
        /// <param name="isTimed">Whether its time means something: not of a stream that both sides keep open.</param>
        public void End(string outcome, bool isTimed = true)
        {
            var ofService = new KeyValuePair<string, object?>("service", service);
            var ofOperation = new KeyValuePair<string, object?>("operation", operation);
            InFlight.Add(-1, ofService, ofOperation);
            if (isTimed)
            {
                Duration.Record(
                    Stopwatch.GetElapsedTime(_began).TotalSeconds, ofService, ofOperation, new KeyValuePair<string, object?>("outcome", outcome));
            }

            BigFsTelemetry.End(activity, outcome);
            activity?.Dispose();
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace BigFs.Hosting.Tests.Telemetry;

/// <summary>Everything that meter and activity source "BigFs" told while this was there; other tests' too.</summary>
internal sealed class Recorded : IDisposable
{
    private readonly MeterListener _meters = new();
    private readonly ActivityListener _activities;

    public Recorded()
    {
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "BigFs")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _meters.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _meters.Start();
        _activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "BigFs",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = Activities.Enqueue,
        };
        ActivitySource.AddActivityListener(_activities);
    }

    public ConcurrentQueue<(string Name, double Value, string Tags)> Measurements { get; } = new();

    public ConcurrentQueue<Activity> Activities { get; } = new();

    /// <summary>The measurements of an instrument with these tags ("a=1,b=2"), or any.</summary>
    public double[] Of(string name, string tags = "") =>
        [.. Measurements.Where(one => one.Name == name && one.Tags.Contains(tags, StringComparison.Ordinal)).Select(one => one.Value)];

    /// <summary>Asks the gauges.</summary>
    public void Observe() => _meters.RecordObservableInstruments();

    public void Dispose()
    {
        _meters.Dispose();
        _activities.Dispose();
    }

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = new List<string>();
        foreach ((string name, object? tag) in tags)
        {
            text.Add($"{name}={tag}");
        }

        Measurements.Enqueue((instrument.Name, value, string.Join(',', text)));
    }
}

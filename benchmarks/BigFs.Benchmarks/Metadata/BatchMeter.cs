using System.Diagnostics.Metrics;

namespace BigFs.Benchmarks.Metadata;

/// <summary>How many operations share a transaction, from what the writer tells of itself.</summary>
internal sealed class BatchMeter : IDisposable
{
    private readonly MeterListener _listener = new();
    private long _operations, _transactions;

    public BatchMeter()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "bigfs.sqlite.transaction.operations")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((_, operations, _, _) =>
        {
            Interlocked.Add(ref _operations, operations);
            Interlocked.Increment(ref _transactions);
        });
        _listener.Start();
    }

    /// <summary>Operations of a transaction on average since the last <see cref="Clear"/>.</summary>
    public double Mean => (double)Interlocked.Read(ref _operations) / Math.Max(1, Interlocked.Read(ref _transactions));

    /// <summary>Begins anew.</summary>
    public void Clear() => _operations = _transactions = 0;

    public void Dispose() => _listener.Dispose();
}

using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>The streams of calls to a role's instances, one each, opened when first needed and again after a break. Thread-safe.</summary>
internal sealed class CallStreams(
    Func<string, CallOptions, AsyncDuplexStreamingCall<Calls, Answers>> open, TimeProvider clock, bool inline) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, CallStream> _streams = new(StringComparer.Ordinal);
    private readonly HashSet<Task> _ending = [];
    private bool _disposed;

    /// <summary>The stream to an endpoint; a broken one is replaced.</summary>
    public CallStream Get(string endpoint)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_streams.TryGetValue(endpoint, out CallStream? known))
            {
                if (!known.IsBroken)
                {
                    return known;
                }

                EndNeedsGate(known);
            }

            var stream = new CallStream(options => open(endpoint, options), clock, inline);
            _streams[endpoint] = stream;
            return stream;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] ending;
        lock (_gate)
        {
            _disposed = true;
            foreach (CallStream stream in _streams.Values)
            {
                EndNeedsGate(stream);
            }

            _streams.Clear();
            ending = [.. _ending];
        }

        await Task.WhenAll(ending).ConfigureAwait(false);
    }

    private void EndNeedsGate(CallStream stream)
    {
        _ending.RemoveWhere(static task => task.IsCompleted);
        _ending.Add(stream.DisposeAsync().AsTask());
    }
}

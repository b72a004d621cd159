namespace BigFs.Hosting.Gateway.Files;

/// <summary>
/// The contents that are on their way through a gateway, counted over all callers: how many, and the bytes of uploads that have
/// arrived and are not acknowledged by replicas yet. Thread-safe.
/// </summary>
internal sealed class BodyLoad(BigFsGatewayLimits limits)
{
    private int _bodies;
    private long _held;

    /// <summary>Contents under way.</summary>
    public int Bodies => Volatile.Read(ref _bodies);

    /// <summary>Bytes of uploads that are held.</summary>
    public long Held => Volatile.Read(ref _held);

    /// <summary>
    /// How many pieces one transfer may have in hand: fewer the more of them there are, so that many slow ones do not take the
    /// memory of all.
    /// </summary>
    public int Concurrency => Bodies switch
    {
        <= 16 => 4,
        <= 64 => 2,
        _ => 1,
    };

    /// <summary>A content begins.</summary>
    /// <param name="isUpload">Whether it comes in.</param>
    /// <exception cref="BigFsException">Unavailable: too much is under way.</exception>
    public Body Enter(bool isUpload)
    {
        if (isUpload && Held >= limits.BodyBytesInFlight)
        {
            throw Full($"holds {limits.BodyBytesInFlight} bytes of uploads");
        }

        if (Interlocked.Increment(ref _bodies) > limits.BodiesInFlight)
        {
            Interlocked.Decrement(ref _bodies);
            throw Full($"has {limits.BodiesInFlight} files on their way");
        }

        return new Body(this);
    }

    private static BigFsException Full(string what) =>
        new(BigFsErrorCode.Unavailable, $"The gateway {what}, and takes no more for now; try again.");

    /// <summary>One content under way. Disposed when it has ended.</summary>
    internal sealed class Body(BodyLoad all) : IDisposable, IProgress<long>
    {
        private readonly Lock _lock = new();
        private long _arrived;
        private long _acknowledged;
        private long _counted;
        private bool _ended;

        /// <summary>Bytes arrived.</summary>
        public void Arrive(int count)
        {
            lock (_lock)
            {
                _arrived += count;
                CountNeedsLock();
            }
        }

        /// <summary>Bytes acknowledged by replicas so far.</summary>
        public void Report(long value)
        {
            lock (_lock)
            {
                _acknowledged = Math.Max(_acknowledged, value);
                CountNeedsLock();
            }
        }

        public void Dispose()
        {
            lock (_lock)
            {
                if (!_ended)
                {
                    _ended = true;
                    CountNeedsLock();
                    Interlocked.Decrement(ref all._bodies);
                }
            }
        }

        private void CountNeedsLock()
        {
            long now = _ended ? 0 : Math.Max(0, _arrived - _acknowledged);
            Interlocked.Add(ref all._held, now - _counted);
            _counted = now;
        }
    }
}

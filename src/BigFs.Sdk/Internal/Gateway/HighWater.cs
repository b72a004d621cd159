namespace BigFs.Internal.Gateway;

/// <summary>Passes on numbers that grow: what a second try says again is not said twice. One call at a time.</summary>
internal sealed class HighWater(IProgress<long>? progress)
{
    private long _most;

    /// <summary>Passes a number on, if it is more than any before.</summary>
    public void Report(long value)
    {
        if (value > _most)
        {
            _most = value;
            progress?.Report(value);
        }
    }
}

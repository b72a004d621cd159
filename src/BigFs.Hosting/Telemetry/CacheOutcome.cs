namespace BigFs.Hosting.Telemetry;

/// <summary>How a file server's cache answered.</summary>
internal enum CacheOutcome
{
    /// <summary>From the cache, after the metadata server said that it still holds.</summary>
    Validated,

    /// <summary>From the metadata server: something else stands there by now.</summary>
    Changed,

    /// <summary>From the cache alone: the caller allows for staleness.</summary>
    Stale,

    /// <summary>From the metadata server: it was not in the cache, or too old there.</summary>
    Missed,
}

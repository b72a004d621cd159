using BigFs.Core.Metadata;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Hosting.Tests.Metadata.Models;

/// <summary>
/// An engine on which one sequence runs: sessions of 5 minutes, read leases and retention of 1 hour, 2 replicas. It may be
/// one database for many sequences, each of which keeps to a directory and to chunk keys of its own.
/// </summary>
/// <param name="place">The sequence's directory.</param>
/// <param name="firstKey">The first of its chunk keys.</param>
/// <param name="time">The clock that it moves.</param>
internal abstract class ModelEngine(BigFsPath place, ulong firstKey, FakeTimeProvider time) : IAsyncDisposable
{
    /// <summary>How many chunk keys a sequence may use.</summary>
    public const ulong Keys = 1 << 20;

    public BigFsPath Place => place;

    public ulong FirstKey => firstKey;

    public FakeTimeProvider Time => time;

    /// <summary>The engine.</summary>
    public abstract IMetadataStore Store { get; }

    /// <summary>Closes the database and opens it again, if it has a life of its own.</summary>
    public abstract Task ReopenAsync();

    public abstract ValueTask DisposeAsync();
}

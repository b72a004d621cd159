using System.Collections.Immutable;

namespace BigFs.Internal.Grpc;

/// <summary>Where the instances of a role are, as endpoints "host:port". Thread-safe.</summary>
internal abstract class InstanceSource : IAsyncDisposable
{
    /// <summary>Told when <see cref="Known"/> may have changed; before calls that wait for it go on.</summary>
    public event Action? Changed;

    /// <summary>Whether waiting can bring others.</summary>
    public abstract bool IsFixed { get; }

    /// <summary>What is known now; empty when nothing is.</summary>
    public abstract ImmutableArray<string> Known { get; }

    /// <summary>What is known, and asks first when that is nothing.</summary>
    /// <param name="limit">How long to ask.</param>
    /// <param name="patient">Whether to go on asking when nobody can be asked.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Endpoints; none when the answer was that there are none.</returns>
    /// <exception cref="BigFsException">Nothing is known, and nobody can be asked or answered in time.</exception>
    public abstract ValueTask<ImmutableArray<string>> GetAsync(
        TimeSpan limit, bool patient, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();

    protected void TellChanged() => Changed?.Invoke();
}

/// <summary>Endpoints that a setting names.</summary>
internal sealed class FixedInstances(ImmutableArray<string> endpoints) : InstanceSource
{
    public override bool IsFixed => true;

    public override ImmutableArray<string> Known => endpoints;

    public override ValueTask<ImmutableArray<string>> GetAsync(
        TimeSpan limit, bool patient, CancellationToken cancellationToken) => ValueTask.FromResult(endpoints);

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

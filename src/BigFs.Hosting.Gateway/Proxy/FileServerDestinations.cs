using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>The file servers that new calls may go to: those whose leases live. Thread-safe.</summary>
internal sealed class FileServerDestinations : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly WatchedInstances _leases;
    private readonly CancellationTokenSource _stop = new();
    private Task _first = Task.CompletedTask;

    public FileServerDestinations(GatewayContext context) =>
        _leases = new WatchedInstances(context.Names, ServiceRole.FileServer, context.Services.Time);

    /// <summary>The leases, for clients that choose among file servers themselves.</summary>
    public InstanceSource Leases => _leases;

    /// <summary>Begins to follow them.</summary>
    public void Start() => _first = FollowAsync();

    /// <summary>Returns when one is known.</summary>
    /// <exception cref="BigFsException">Unavailable, TimedOut.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<string> known = await _leases.GetAsync(Limit, patient: false, cancellationToken).ConfigureAwait(false);
        if (known.IsEmpty)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "No file server is registered at the name server.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _first.ConfigureAwait(false);
        await _leases.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>The first question starts the watch; nobody waits for its answer.</summary>
    private async Task FollowAsync()
    {
        try
        {
            await _leases.GetAsync(TimeSpan.FromMinutes(1), patient: true, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception unknown) when (unknown is BigFsException or OperationCanceledException)
        {
            // The watch goes on by itself; whoever calls meanwhile is told.
        }
    }
}

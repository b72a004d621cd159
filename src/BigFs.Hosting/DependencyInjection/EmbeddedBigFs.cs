using Microsoft.Extensions.Hosting;

namespace BigFs.Hosting.DependencyInjection;

/// <summary>
/// A cluster that lives as long as an application's host: started before other hosted services start, stopped after they
/// have stopped.
/// </summary>
internal sealed class EmbeddedBigFs(BigFsClusterOptions options) : IHostedLifecycleService, IAsyncDisposable
{
    private BigFsCluster? _cluster;

    /// <exception cref="InvalidOperationException">The host has not started yet.</exception>
    public BigFsCluster Cluster =>
        _cluster ?? throw new InvalidOperationException("The embedded BigFS cluster starts with the host; the host has not started yet.");

    public async Task StartingAsync(CancellationToken cancellationToken) =>
        _cluster = await BigFsCluster.StartAsync(options, cancellationToken).ConfigureAwait(false);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken) => await DisposeAsync().ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync().ConfigureAwait(false);
        }
    }
}

using BigFs.Core.Metadata;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.PostgreSql;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Faults.Driver;

/// <summary>
/// A metadata server on a loopback socket: the engine on its files and the gRPC service, as the role has them. Says where
/// it listens, and ends cleanly when its input ends.
/// </summary>
internal static class MetadataServing
{
    /// <summary>What it says before the address when it serves.</summary>
    public const string Ready = "ready ";

    /// <summary>Serves until the input ends.</summary>
    /// <param name="directory">The database's folder.</param>
    /// <param name="ahead">How far its clock is ahead of the machine's.</param>
    /// <param name="session">How long a session lives after each renewal.</param>
    public static async Task RunAsync(string directory, TimeSpan ahead, TimeSpan session)
    {
        var options = new SqliteMetadataOptions
        {
            DataDirectory = directory,
            SessionTimeToLive = session,
            ReadLease = TimeSpan.Zero,
        };
        await ServeAsync(await SqliteMetadataStore.OpenAsync(
            options, new ClockAhead(ahead), NullLogger.Instance, CancellationToken.None));
    }

    /// <summary>The same on PostgreSQL.</summary>
    /// <param name="connection">Npgsql's connection string.</param>
    /// <param name="session">How long a session lives after each renewal.</param>
    public static async Task RunOnPostgresAsync(string connection, TimeSpan session)
    {
        var options = new PostgresOptions
        {
            ConnectionString = connection,
            SessionTimeToLive = session,
            ReadLease = TimeSpan.Zero,
        };
        await ServeAsync(await PostgresMetadataStore.OpenAsync(
            options, TimeProvider.System, NullLogger.Instance, CancellationToken.None));
    }

    private static async Task ServeAsync<T>(T store)
        where T : IMetadataStore, ITombstoneQueue, IAsyncDisposable
    {
        var output = new LineWriter();
        await using (store)
        {
            await using var listener = new ControlListener("127.0.0.1:0", NullLoggerFactory.Instance);
            listener.Map(Protocol.MetadataServer.BindService(new MetadataServerService(
                store, NullLogger<MetadataServerService>.Instance)));
            await listener.StartAsync(CancellationToken.None);
            output.Write(Ready + listener.Endpoint);
            Task<string> end = Task.Run(Console.In.ReadToEnd);
            while (!end.IsCompleted)
            {
                // As the worker does that carries deletions out: what nobody reads any more becomes tombstones by it.
                await store.DueTombstonesAsync(1000, CancellationToken.None);
                await Task.WhenAny(end, Task.Delay(20));
            }
        }

        output.Write(Line.Done);
    }

    private sealed class ClockAhead(TimeSpan ahead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ahead;
    }
}

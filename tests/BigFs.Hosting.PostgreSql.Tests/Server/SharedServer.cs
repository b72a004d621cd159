using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Server;

/// <summary>One server for all tests that only need a database; each has a schema of its own.</summary>
internal static class SharedServer
{
    private static readonly Lazy<Task<PostgresServer>> Server = new(() => PostgresServer.StartNewAsync());
    private static int _schemas;

    /// <summary>The server; a test that asks is skipped where none is installed.</summary>
    public static Task<PostgresServer> GetAsync()
    {
        RequireInstalled();
        return Server.Value;
    }

    /// <summary>Skips the test where no server is installed.</summary>
    public static void RequireInstalled()
    {
        if (PostgresServer.Binaries is null)
        {
            Assert.Ignore("No PostgreSQL server is installed (Debian: apt-get install postgresql-15).");
        }
    }

    /// <summary>A name that no other test has.</summary>
    public static string NewSchema() => $"bigfs_{Interlocked.Increment(ref _schemas)}";

    /// <summary>Options for a new namespace.</summary>
    public static async Task<PostgresOptions> NewOptionsAsync(TimeProvider? clock = null) => new()
    {
        ConnectionString = (await GetAsync()).ConnectionString(),
        Schema = NewSchema(),
        Clock = clock,
    };

    /// <summary>Stops the server, if a test started it.</summary>
    public static async Task StopAsync()
    {
        if (Server.IsValueCreated)
        {
            await (await Server.Value).DisposeAsync();
        }
    }
}

namespace BigFs.Hosting.MetadataServer;

/// <summary>How long versions stay readable and how deletions are carried out; tests shorten it.</summary>
/// <param name="ReadLease">How long a replaced or deleted version can still be read.</param>
/// <param name="Deletions">The worker's settings.</param>
internal sealed record MetadataPace(TimeSpan ReadLease, TombstoneWorkerOptions Deletions)
{
    /// <summary>What holds outside of tests.</summary>
    public static MetadataPace Default { get; } =
        new(new Persistence.SqliteMetadataOptions().ReadLease, new TombstoneWorkerOptions());
}

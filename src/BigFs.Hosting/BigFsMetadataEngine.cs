using BigFs.Hosting.MetadataServer;

namespace BigFs.Hosting;

/// <summary>
/// Where a cluster keeps its names when that is not SQLite in a folder of its own. Engines come in packages of their own,
/// so that who does not use one restores none of what it needs.
/// </summary>
public abstract class BigFsMetadataEngine
{
    /// <summary>Engines are BigFS's own.</summary>
    internal BigFsMetadataEngine()
    {
    }

    /// <summary>The words for it in lists of roles, without secrets.</summary>
    internal abstract string Location { get; }

    /// <summary>Checks the settings without touching anything.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    internal abstract void Validate();

    /// <summary>Opens the namespace, or makes a new one with an empty root.</summary>
    /// <param name="replicas">Replicas of a file that asks for no number of its own.</param>
    /// <param name="readLease">How long a replaced or deleted version can still be read.</param>
    /// <param name="services">Clock and log.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <exception cref="BigFsException">InvalidSettings, DataUnreadable, OutOfSpace, Unavailable.</exception>
    internal abstract Task<IMetadataEngine> OpenAsync(
        int replicas, TimeSpan readLease, RoleServices services, CancellationToken cancellationToken);
}

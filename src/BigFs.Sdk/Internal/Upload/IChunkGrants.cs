using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>Where an upload's chunks get their grants. Thread-safe.</summary>
internal interface IChunkGrants
{
    /// <summary>
    /// Whether a cluster that gives no grant is waited for: an upload under way waits, one that begins is refused at once.
    /// </summary>
    bool MayWait { get; }

    /// <summary>A grant on a volume that has not failed this client, as far as there is one.</summary>
    /// <exception cref="BigFsException">As <see cref="Core.Control.IFileServer.GrantAsync"/>.</exception>
    ValueTask<ChunkGrant> TakeAsync(CancellationToken cancellationToken);

    /// <summary>Notes that a volume takes no more writes under this epoch.</summary>
    void Retire(ChunkGrant grant);

    /// <summary>Notes that a grant was too old to be used: those that wait here are thrown away.</summary>
    void Outdate();
}

using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Core.Control;

/// <summary>
/// The front of the control plane, as the SDK calls it: in process directly, else over gRPC. Failures are thrown as
/// <see cref="BigFsException"/>. Operations that change something carry an operation id, so that they may be retried
/// through any file server. Thread-safe.
/// </summary>
public interface IFileServer
{
    /// <summary>
    /// Opens an upload and gives the first grants (one for each replica set's turn), or none for an empty file
    /// (<paramref name="grants"/> 0).
    /// </summary>
    /// <exception cref="BigFsException">
    /// NotEnoughNodes at once when fewer datanodes are up than replicas are asked for; else as
    /// <see cref="IMetadataStore.BeginUploadAsync"/>.
    /// </exception>
    ValueTask<UploadTicket> BeginUploadAsync(BeginUploadRequest request, int grants, CancellationToken cancellationToken);

    /// <summary>More grants for an open upload, on volumes without the avoided nodes.</summary>
    /// <param name="session">The upload's session.</param>
    /// <param name="replicas">Replicas of each chunk, as the ticket says.</param>
    /// <param name="count">How many, 1 to <see cref="Limits.MaxGrantBatch"/>.</param>
    /// <param name="avoid">Nodes that failed this caller just now.</param>
    /// <param name="together">
    /// Whether all are to be on one volume, as small chunks want it that are written at the same time: they share its flushes.
    /// Large ones are spread over the volumes.
    /// </param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="BigFsException">NotEnoughNodes (transient: the caller waits up to its stall time-out).</exception>
    ValueTask<ImmutableArray<ChunkGrant>> GrantAsync(
        Guid session,
        int replicas,
        int count,
        ImmutableArray<NodeId> avoid,
        bool together,
        CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.RenewUploadAsync"/>.</summary>
    ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.StageChunksAsync"/>.</summary>
    ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.CommitUploadAsync"/>.</summary>
    ValueTask<CommittedFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.AbortUploadAsync"/>.</summary>
    ValueTask AbortUploadAsync(
        Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken);

    /// <summary>Opens a session for many small files and gives the first grants.</summary>
    /// <exception cref="BigFsException">NotEnoughNodes at once, as <see cref="BeginUploadAsync"/>.</exception>
    ValueTask<UploadTicket> BeginSharedAsync(BeginSharedRequest request, int grants, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.CommitFileAsync"/>.</summary>
    ValueTask<CommittedFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.AbortFileAsync"/>.</summary>
    ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// A file's manifest, of a long one the first part, and where its volumes are; null when nothing is there.
    /// </summary>
    /// <exception cref="BigFsException">IsDirectory.</exception>
    ValueTask<OpenedFile?> OpenAsync(BigFsPath path, CancellationToken cancellationToken);

    /// <summary>As <see cref="OpenAsync"/>, but the answer may be so old, and may come without a word to the metadata server.</summary>
    /// <param name="path">The path.</param>
    /// <param name="maxStaleness">How old, above zero.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<OpenedFile?> OpenStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken) =>
        OpenAsync(path, cancellationToken);

    /// <summary>
    /// Opens a file that the caller has opened before: null when the same version stands there now and its volume is where it
    /// was, so that what the caller has holds; else what <see cref="OpenAsync"/> says. A lease as that of an open begins either way.
    /// </summary>
    /// <exception cref="BigFsException">IsDirectory.</exception>
    async ValueTask<OpenedChange?> OpenChangedAsync(BigFsPath path, KnownFile known, CancellationToken cancellationToken)
    {
        OpenedFile? opened = await OpenAsync(path, cancellationToken);
        return opened is not null && known.Holds(opened) ? null : new OpenedChange(opened);
    }

    /// <summary>As <see cref="FindAsync"/>, and <see cref="OpenStaleAsync"/>.</summary>
    ValueTask<BigFsEntry?> FindStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken) =>
        FindAsync(path, cancellationToken);

    /// <summary><see cref="IMetadataStore.ReadManifestAsync"/>.</summary>
    ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.RenewReadAsync"/>.</summary>
    ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken);

    /// <summary>Where volumes are now, from a map refreshed at the node manager; unknown volumes are left out.</summary>
    ValueTask<ImmutableArray<VolumeLocation>> LocateAsync(
        ImmutableArray<VolumeId> volumes, CancellationToken cancellationToken);

    /// <summary>The entry at the path; null when absent.</summary>
    ValueTask<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.ListAsync"/>.</summary>
    ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.StreamAsync"/>.</summary>
    IAsyncEnumerable<EntryPage> StreamAsync(MetadataListRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.CreateDirectoryAsync"/>.</summary>
    ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.DeleteAsync"/>.</summary>
    ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.MoveAsync"/>.</summary>
    ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.StartTotalsAsync"/>.</summary>
    ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.FindJobAsync"/>.</summary>
    ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken);

    /// <summary><see cref="IMetadataStore.CancelJobAsync"/>.</summary>
    ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken);

    /// <summary>Passes a fault on to the node manager; a hint.</summary>
    ValueTask ReportAsync(ReplicaFault fault, CancellationToken cancellationToken);
}

/// <summary>An open upload: its session and first grants.</summary>
public sealed record UploadTicket(UploadSession Session, ImmutableArray<ChunkGrant> Grants);

/// <summary>A committed file and how safe its name is.</summary>
public sealed record CommittedFile(BigFsFile File, NameDurability Name);

/// <summary>What a committed name rests on.</summary>
/// <param name="Durability">Whether it is on a disk.</param>
/// <param name="Engine">The metadata engine and its copies, for example "SQLite, one copy, synced".</param>
public sealed record NameDurability(BigFsDurability Durability, string Engine)
{
    /// <summary>Copies that the engine keeps, 1 or more.</summary>
    public int Copies { get; init; } = 1;
}

/// <summary>A file ready to be read.</summary>
public sealed record OpenedFile
{
    /// <summary>The version that is read.</summary>
    public required BigFsFile File { get; init; }

    /// <summary>Its chunks in order; of a long manifest the first part.</summary>
    public required ImmutableArray<ChunkReference> Manifest { get; init; }

    /// <summary>How many chunks it has in all; those that are not in <see cref="Manifest"/> are read by place.</summary>
    public int Chunks { get; init; }

    /// <summary>How long the version stays readable after it is replaced or deleted, from now; 0 when not known.</summary>
    public TimeSpan Lease { get; init; }

    /// <summary>Where each volume of the manifest is, as far as the file server knows, each once.</summary>
    public required ImmutableArray<VolumeLocation> Locations { get; init; }

    /// <summary>The content of a file that the metadata hold themselves; else empty.</summary>
    public ReadOnlyMemory<byte> Content { get; init; }
}

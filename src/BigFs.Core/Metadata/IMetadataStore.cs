using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>
/// The namespace: directories, files, manifests, upload sessions. One contract for every engine and for the metadata
/// server's client; the file server calls it. Every change is durable before it returns, and carries an operation id:
/// the same id again, within the engine's retention, gets the first answer (a refusal is none: it may be judged anew).
/// Ids that grow with time (UUID version 7) cost an engine least. Expected failures are thrown as
/// <see cref="BigFsException"/> with the code that each member names. Thread-safe.
/// </summary>
public interface IMetadataStore
{
    /// <summary>A new, never given number for a file server that starts; 1 or more.</summary>
    ValueTask<long> NextIncarnationAsync(CancellationToken cancellationToken);

    /// <summary>
    /// The entry at the path; null when absent. With its manifest when it is a file and that is asked for: whole up to
    /// <see cref="Limits.ManifestPageChunks"/> references, else the first so many (<see cref="ReadManifestAsync"/> gives the
    /// others). Who gets a manifest holds a read lease on that version, of the length that the answer names; nothing is
    /// written for it.
    /// </summary>
    ValueTask<MetadataEntry?> FindAsync(BigFsPath path, bool withManifest, CancellationToken cancellationToken);

    /// <summary>
    /// One page of a directory's entries, ordered by the UTF-8 bytes of their names, or of all that lies below it, ordered
    /// by path (<see cref="BigFsPath.CompareTo"/>). Each page shows one state of the namespace. Entries that stand throughout
    /// a listing come once, whatever is made and removed meanwhile.
    /// </summary>
    /// <exception cref="BigFsException">NotFound, NotDirectory, InvalidArgument, InvalidPath (an entry that a
    /// move brought deeper than paths may be).</exception>
    ValueTask<MetadataPage> ListAsync(MetadataListRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Whether something else stands at a path than a file of a version that the caller knows: null when that one does, else
    /// what stands there now, with its manifest. Costs no more than to find it without.
    /// </summary>
    async ValueTask<MetadataChange?> FindChangedAsync(BigFsPath path, BigFsVersion known, CancellationToken cancellationToken)
    {
        MetadataEntry? found = await FindAsync(path, withManifest: false, cancellationToken);
        return found?.Entry switch
        {
            BigFsFile file when file.Version == known => null,
            BigFsFile => new MetadataChange(await FindAsync(path, withManifest: true, cancellationToken)),
            _ => new MetadataChange(found),
        };
    }

    /// <summary>
    /// References of a version by their place in the file, of the version that stands or of one that was replaced or deleted
    /// and is still leased.
    /// </summary>
    /// <exception cref="BigFsException">VersionExpired, InvalidArgument.</exception>
    ValueTask<ManifestPage> ReadManifestAsync(ManifestRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Renews the read lease on a version and returns its length from now. Writes only when the version was replaced or
    /// deleted meanwhile: one that stands is leased by standing.
    /// </summary>
    /// <exception cref="BigFsException">VersionExpired: its lease ended before, or nothing is known of it.</exception>
    ValueTask<TimeSpan> RenewReadAsync(BigFsVersion version, CancellationToken cancellationToken);

    /// <summary>The versions that own each of the chunks, in the chunks' order; at most 4,096 at once.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    ValueTask<ImmutableArray<ChunkOwners>> FindOwnersAsync(
        ImmutableArray<ChunkKey> chunks, CancellationToken cancellationToken);

    /// <summary>
    /// Every entry from the request's place on, in the order of <see cref="ListAsync"/> and read as the caller goes on; at
    /// most <see cref="MetadataListRequest.Limit"/> entries a page, the first ones smaller, so that they come soon. What is
    /// made or removed meanwhile may be there or not; everything else is there once.
    /// </summary>
    /// <exception cref="BigFsException">NotFound, NotDirectory; also in the middle, when the directory goes away.</exception>
    async IAsyncEnumerable<EntryPage> StreamAsync(
        MetadataListRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        int limit = Math.Min(request.Limit, Limits.FirstStreamedPage);
        string? after = request.After;
        while (after is not null)
        {
            MetadataPage page = await ListAsync(request with { After = after, Limit = limit }, cancellationToken);
            if (!page.Entries.IsEmpty)
            {
                yield return EntryPage.Of(request.Directory, page.Entries);
            }

            after = page.Next;
            limit = Math.Min(request.Limit, limit * 4);
        }
    }

    /// <summary>
    /// Opens an upload session after checking what can be checked early: the precondition, that no directory stands at
    /// the path and no file above it.
    /// </summary>
    /// <exception cref="BigFsException">IsDirectory, NotDirectory, AlreadyExists, NotFound, PreconditionFailed.</exception>
    ValueTask<UploadSession> BeginUploadAsync(BeginUploadRequest request, CancellationToken cancellationToken);

    /// <summary>Extends a session by its time to live.</summary>
    /// <exception cref="BigFsException">SessionExpired.</exception>
    ValueTask RenewUploadAsync(Guid session, CancellationToken cancellationToken);

    /// <summary>
    /// Brings a part of a long manifest before the commit, so that the commit stays a small transaction: the parts in order,
    /// each of exactly <see cref="Limits.ManifestPageChunks"/> references. A part that was brought before is fine. What was
    /// staged belongs to the session: its commit takes it, its abort or its end gives it up.
    /// </summary>
    /// <exception cref="BigFsException">SessionExpired, InvalidArgument (out of order, another length), ChunkDeleted.</exception>
    ValueTask StageChunksAsync(StageChunksRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// The commit point: in one transaction checks session and precondition, makes missing parents, writes the entry and
    /// its manifest under a new version, turns the replaced version's chunks and the discarded ones into tombstones,
    /// ends the session.
    /// </summary>
    /// <exception cref="BigFsException">
    /// SessionExpired, IsDirectory, NotDirectory, AlreadyExists, NotFound, PreconditionFailed, ChunkDeleted (the manifest names
    /// a chunk whose deletion is recorded).
    /// </exception>
    ValueTask<BigFsFile> CommitUploadAsync(CommitUploadRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Ends a session without a file, also one that expired; the chunks that its client wrote and that no file owns become
    /// tombstones that are due at once. Unknown, committed or aborted before: does nothing.
    /// </summary>
    ValueTask AbortUploadAsync(Guid session, ImmutableArray<ChunkReference> written, CancellationToken cancellationToken);

    /// <summary>
    /// Opens a session that many small files share: it names no path and is ended by no commit. It lives like any, but
    /// renewals end with the retention of operations, counted from its begin: so what is recorded of an operation under
    /// it outlives it.
    /// </summary>
    ValueTask<UploadSession> BeginSharedAsync(BeginSharedRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// The commit point of a small file, in one transaction: as <see cref="CommitUploadAsync"/>, but the shared session
    /// stays, and the operation is recorded on its own. Refused after <see cref="AbortFileAsync"/> of the same operation.
    /// </summary>
    /// <exception cref="BigFsException">
    /// SessionExpired (also: aborted), IsDirectory, NotDirectory, AlreadyExists, NotFound, PreconditionFailed,
    /// InvalidArgument (the session is not a shared one; the content does not match its checksum), ChunkDeleted.
    /// </exception>
    ValueTask<BigFsFile> CommitFileAsync(CommitFileRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Gives up a small file: the chunks that its client wrote become tombstones that are due at once, and a commit of the
    /// operation that is still on its way is refused. Committed or aborted before: does nothing.
    /// </summary>
    ValueTask AbortFileAsync(AbortFileRequest request, CancellationToken cancellationToken);

    /// <summary>Makes a directory and its parents; existing ones are fine.</summary>
    /// <exception cref="BigFsException">NotDirectory (a file stands there or above).</exception>
    ValueTask CreateDirectoryAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken);

    /// <summary>
    /// Deletes a file or directory; gone from sight at once, whatever its size. False when nothing was there. What a
    /// directory held follows in small transactions: a job (<see cref="FindJobAsync"/>) whose id is the operation's.
    /// </summary>
    /// <exception cref="BigFsException">DirectoryNotEmpty, PreconditionFailed, InvalidPath (the root).</exception>
    ValueTask<bool> DeleteAsync(DeleteRequest request, CancellationToken cancellationToken);

    /// <summary>Moves a file or directory; its version stays. Missing parents of the destination are made.</summary>
    /// <exception cref="BigFsException">
    /// NotFound, AlreadyExists (without overwrite, or a directory stands there), IsDirectory, NotDirectory, InvalidPath
    /// (the root, or into itself).
    /// </exception>
    ValueTask<BigFsEntry> MoveAsync(MoveRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Begins to add up what lies below a directory: a job that goes on by itself, in short reads, also after a restart. An
    /// entry that stands throughout is counted once; what changes meanwhile may or may not be. A file is its own total.
    /// </summary>
    /// <exception cref="BigFsException">NotFound, NotDirectory (a file above).</exception>
    ValueTask<MetadataJob> StartTotalsAsync(Guid operation, BigFsPath path, CancellationToken cancellationToken);

    /// <summary>A job; null when it never was, or ended longer ago than the retention of operations.</summary>
    ValueTask<MetadataJob?> FindJobAsync(Guid job, CancellationToken cancellationToken);

    /// <summary>The jobs that run or ended within the retention, newest first, at most 1,000.</summary>
    ValueTask<ImmutableArray<MetadataJob>> ListJobsAsync(CancellationToken cancellationToken);

    /// <summary>Ends totals early; false when the job has ended, or is not known.</summary>
    /// <exception cref="BigFsException">InvalidArgument: a deletion is not called back.</exception>
    ValueTask<bool> CancelJobAsync(Guid job, CancellationToken cancellationToken);
}

/// <summary>An entry and, for a file when asked for, its chunks in order.</summary>
public sealed record MetadataEntry(BigFsEntry Entry, ImmutableArray<ChunkReference> Manifest)
{
    /// <summary>The content of a file that the metadata hold themselves, when the manifest was asked for; else empty.</summary>
    public ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>How many references the whole manifest has; 0 when it was not asked for.</summary>
    public int Chunks { get; init; } = Manifest.IsDefault ? 0 : Manifest.Length;

    /// <summary>How long the version stays readable after it is replaced or deleted, counted from now at least.</summary>
    public TimeSpan Lease { get; init; }
}

/// <summary>What stands at a path now; null when nothing does.</summary>
public sealed record MetadataChange(MetadataEntry? Found);

/// <summary>What must be at the path for a commit to win.</summary>
public enum PreconditionKind
{
    /// <summary>Anything or nothing.</summary>
    None = 0,

    /// <summary>Nothing.</summary>
    Absent = 1,

    /// <summary>A file of the named version.</summary>
    Version = 2,
}

/// <summary>A precondition on what stands at a path.</summary>
public readonly record struct Precondition(PreconditionKind Kind, BigFsVersion Version);

/// <summary>Opens an upload.</summary>
public sealed record BeginUploadRequest
{
    /// <summary>Operation id; also the session's id.</summary>
    public required Guid Operation { get; init; }

    /// <summary>Where the file will stand.</summary>
    public required BigFsPath Path { get; init; }

    /// <summary>Checked now and again at commit.</summary>
    public Precondition Precondition { get; init; }

    /// <summary>Replicas of each chunk, 1 to <see cref="Limits.MaxReplicas"/>; 0: the cluster's default.</summary>
    public int Replicas { get; init; }

    /// <summary>Media type, or null.</summary>
    public string? ContentType { get; init; }

    /// <summary>User metadata, at most <see cref="Limits.MaxMetadataBytes"/> in all.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
}

/// <summary>An open upload session.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Replicas">Replicas of each chunk.</param>
/// <param name="TimeToLive">How long it lives after each renewal.</param>
public sealed record UploadSession(Guid Id, int Replicas, TimeSpan TimeToLive);

/// <summary>Commits an upload.</summary>
public sealed record CommitUploadRequest
{
    /// <summary>Operation id.</summary>
    public required Guid Operation { get; init; }

    /// <summary>The session.</summary>
    public required Guid Session { get; init; }

    /// <summary>Length of the content.</summary>
    public required long Size { get; init; }

    /// <summary>Checksum of the content.</summary>
    public required uint Crc32C { get; init; }

    /// <summary>
    /// The chunks in order, those after the staged ones; the lengths of all add up to <see cref="Size"/>.
    /// </summary>
    public required ImmutableArray<ChunkReference> Manifest { get; init; }

    /// <summary>How many chunks were staged before (<see cref="IMetadataStore.StageChunksAsync"/>).</summary>
    public int Staged { get; init; }

    /// <summary>
    /// Chunks of tries that failed and may be on a datanode all the same, none of them in the manifest; they become
    /// tombstones that are due at once.
    /// </summary>
    public ImmutableArray<ChunkReference> Discarded { get; init; } = [];
}

/// <summary>Opens a session for many small files.</summary>
/// <param name="Operation">Operation id; also the session's id.</param>
/// <param name="Replicas">Replicas of each chunk, 1 to <see cref="Limits.MaxReplicas"/>; 0: the cluster's default.</param>
public sealed record BeginSharedRequest(Guid Operation, int Replicas);

/// <summary>Commits a small file: what a begin and a commit say, at once.</summary>
public sealed record CommitFileRequest
{
    /// <summary>Operation id.</summary>
    public required Guid Operation { get; init; }

    /// <summary>The shared session under which chunks were written; null when none were.</summary>
    public Guid? Session { get; init; }

    /// <summary>Where the file will stand.</summary>
    public required BigFsPath Path { get; init; }

    /// <summary>Checked by this alone.</summary>
    public Precondition Precondition { get; init; }

    /// <summary>
    /// Replicas that were asked for, 1 to <see cref="Limits.MaxReplicas"/>; 0: the cluster's default. With a session its
    /// number holds.
    /// </summary>
    public int Replicas { get; init; }

    /// <summary>Media type, or null.</summary>
    public string? ContentType { get; init; }

    /// <summary>User metadata, at most <see cref="Limits.MaxMetadataBytes"/> in all.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Length of the content.</summary>
    public required long Size { get; init; }

    /// <summary>Checksum of the content.</summary>
    public required uint Crc32C { get; init; }

    /// <summary>The chunks in order; their lengths add up to <see cref="Size"/>. Empty beside a content.</summary>
    public ImmutableArray<ChunkReference> Manifest { get; init; } = [];

    /// <summary>As <see cref="CommitUploadRequest.Discarded"/>.</summary>
    public ImmutableArray<ChunkReference> Discarded { get; init; } = [];

    /// <summary>
    /// The whole content, for the metadata to hold, at most <see cref="Limits.MaxInlineBytes"/>; empty when it lies in
    /// chunks, or there is none.
    /// </summary>
    public ReadOnlyMemory<byte> Content { get; init; }
}

/// <summary>Gives up a small file.</summary>
public sealed record AbortFileRequest
{
    /// <summary>The operation id of its commit, whether that was sent or not.</summary>
    public required Guid Operation { get; init; }

    /// <summary>The shared session under which the chunks were written; null when none were.</summary>
    public Guid? Session { get; init; }

    /// <summary>All chunks that may be on a datanode.</summary>
    public ImmutableArray<ChunkReference> Written { get; init; } = [];
}

/// <summary>Deletes an entry.</summary>
public sealed record DeleteRequest
{
    /// <summary>Operation id.</summary>
    public required Guid Operation { get; init; }

    /// <summary>What is deleted.</summary>
    public required BigFsPath Path { get; init; }

    /// <summary>Whether a directory goes with all it holds.</summary>
    public bool Recursive { get; init; }

    /// <summary>Only this version of a file; null for any.</summary>
    public BigFsVersion? Version { get; init; }
}

/// <summary>Moves an entry.</summary>
public sealed record MoveRequest
{
    /// <summary>Operation id.</summary>
    public required Guid Operation { get; init; }

    /// <summary>From where.</summary>
    public required BigFsPath Source { get; init; }

    /// <summary>To where; the full new path.</summary>
    public required BigFsPath Destination { get; init; }

    /// <summary>Whether a file at the destination is replaced.</summary>
    public bool Overwrite { get; init; }
}

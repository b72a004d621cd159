using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>The bounds of requests to the namespace, for every engine: checked before anything is looked up.</summary>
public static class MetadataChecks
{
    /// <summary>Longest media type, in bytes of UTF-8: 255.</summary>
    public const int MaxContentTypeBytes = 255;

    /// <summary>Most chunks of one look-up of owners: 4,096.</summary>
    public const int MaxLookedUpChunks = 4096;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Checks an operation id.</summary>
    /// <exception cref="BigFsException">InvalidArgument: it is all zeros.</exception>
    public static void CheckOperation(Guid operation)
    {
        if (operation == Guid.Empty)
        {
            throw Invalid(null, "The operation id is all zeros; a new random one is expected.");
        }
    }

    /// <summary>Checks what does not depend on the namespace.</summary>
    /// <exception cref="BigFsException">InvalidArgument, LimitExceeded.</exception>
    public static void Check(BeginUploadRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckOperation(request.Operation);
        CheckFile(request.Path, request.Precondition, request.Replicas, request.ContentType, request.Metadata);
    }

    /// <summary>Checks what does not depend on the namespace.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void Check(BeginSharedRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckOperation(request.Operation);
        CheckReplicas(request.Replicas, null);
    }

    /// <summary>
    /// Checks what does not depend on session and namespace: the bounds, that content lies in chunks or in the metadata,
    /// and that it matches its checksum there.
    /// </summary>
    /// <exception cref="BigFsException">InvalidArgument, LimitExceeded.</exception>
    public static void Check(CommitFileRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckOperation(request.Operation);
        CheckFile(request.Path, request.Precondition, request.Replicas, request.ContentType, request.Metadata);
        if (request.Content.IsEmpty)
        {
            CheckManifest(request.Manifest, request.Discarded, request.Size);
            if (request.Session is null && (request.Manifest.Length > 0 || request.Discarded.Length > 0))
            {
                throw Invalid(request.Path.ToString(), "Chunks were written under no session.");
            }

            return;
        }

        string path = request.Path.ToString();
        Bound(request.Content.Length, Limits.MaxInlineBytes, path, "The content for the metadata");
        if (request.Manifest is not { IsDefault: false, IsEmpty: true } || request.Content.Length != request.Size)
        {
            throw Invalid(path, "The content lies in chunks or in the metadata, whole.");
        }

        CheckWritten(request.Discarded);
        uint crc32C = Crc32C.Compute(request.Content.Span);
        if (crc32C != request.Crc32C)
        {
            throw Invalid(path, $"The content has the checksum {crc32C:x8} instead of {request.Crc32C:x8}: it was damaged on its way.");
        }
    }

    /// <summary>Checks what does not depend on the session.</summary>
    /// <exception cref="BigFsException">InvalidArgument, LimitExceeded.</exception>
    public static void Check(AbortFileRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckOperation(request.Operation);
        CheckWritten(request.Written);
    }

    /// <summary>
    /// Checks what does not depend on the session: the manifest's bounds, that its lengths add up, and that none of its
    /// chunks is discarded.
    /// </summary>
    /// <exception cref="BigFsException">InvalidArgument, LimitExceeded.</exception>
    public static void Check(CommitUploadRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckOperation(request.Operation);
        if (request.Staged < 0 || request.Staged % Limits.ManifestPageChunks != 0)
        {
            throw Invalid(null, $"{request.Staged} staged chunks are no whole parts of {Limits.ManifestPageChunks}.");
        }

        CheckManifest(request.Manifest, request.Discarded, request.Staged == 0 ? request.Size : null, request.Staged);
    }

    /// <summary>Checks that there is a manifest at all.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void RequireManifest(ImmutableArray<ChunkReference> manifest)
    {
        if (manifest.IsDefault)
        {
            throw Invalid(null, "The manifest is missing; an empty file has an empty one.");
        }
    }

    /// <summary>Checks that a commit's lengths add up, those of the staged chunks being known.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void CheckStaged(CommitUploadRequest request, long stagedBytes)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckTotal(request.Manifest.Sum(chunk => (long)chunk.Length) + stagedBytes, request.Size);
    }

    /// <summary>Checks the chunks that an upload wrote in vain: those that an aborted one names, or a commit discards.</summary>
    /// <exception cref="BigFsException">InvalidArgument, LimitExceeded.</exception>
    public static void CheckWritten(ImmutableArray<ChunkReference> written)
    {
        if (written.IsDefault)
        {
            throw Invalid(null, "The list of written chunks is missing; an upload that wrote none has an empty one.");
        }

        if (written.Length > Limits.MaxChunksPerFile)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded,
                $"{written.Length} written chunks are named; at most {Limits.MaxChunksPerFile} are allowed.");
        }
    }

    /// <summary>Checks what does not depend on the namespace.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void Check(MetadataListRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string path = request.Directory.ToString();
        if (request.Limit is < 1 or > Limits.MaxPageSize)
        {
            throw Invalid(
                path, $"A page of {request.Limit} entries was asked for; 1 to {Limits.MaxPageSize} are possible.");
        }

        if (request.MaxBytes is < 1 or > Limits.MaxPageBytes)
        {
            throw Invalid(
                path, $"A page of {request.MaxBytes} bytes was asked for; 1 to {Limits.MaxPageBytes} are possible.");
        }

        _ = Bytes(request.After, path, "The name to go on after");
        _ = Bytes(request.Prefix, path, "The prefix");
    }

    /// <summary>Checks what does not depend on the namespace.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void Check(ManifestRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.First < 0 || request.Count is < 1 or > Limits.ManifestPageChunks)
        {
            throw Invalid(
                null,
                $"{request.Count} references from {request.First} on were asked for; 1 to {Limits.ManifestPageChunks} from 0 "
                    + "on are possible.");
        }
    }

    /// <summary>Checks what does not depend on the session.</summary>
    /// <exception cref="BigFsException">InvalidArgument, LimitExceeded.</exception>
    public static void Check(StageChunksRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Chunks.IsDefault || request.Chunks.Length != Limits.ManifestPageChunks
            || request.First < 0 || request.First % Limits.ManifestPageChunks != 0)
        {
            throw Invalid(
                null,
                $"A part of a manifest has exactly {Limits.ManifestPageChunks} references and begins at a multiple of that.");
        }

        CheckCount((long)request.First + request.Chunks.Length);
        _ = CheckReferences(request.Chunks);
    }

    /// <summary>Checks a look-up of chunks.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void Check(ImmutableArray<ChunkKey> chunks)
    {
        if (chunks.IsDefault || chunks.Length > MaxLookedUpChunks)
        {
            throw Invalid(null, $"At most {MaxLookedUpChunks} chunks can be looked up at once.");
        }
    }

    private static void CheckFile(
        BigFsPath target,
        Precondition precondition,
        int replicas,
        string? contentType,
        ImmutableSortedDictionary<string, string> metadata)
    {
        string path = target.ToString();
        CheckReplicas(replicas, path);
        if (precondition.Kind is < PreconditionKind.None or > PreconditionKind.Version)
        {
            throw Invalid(path, $"{precondition.Kind} is no kind of precondition.");
        }

        if (precondition.Kind != PreconditionKind.Version && precondition.Version != default)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidPrecondition,
                $"The precondition for \"{path}\" names version {precondition.Version} and asks for "
                    + (precondition.Kind == PreconditionKind.Absent ? "nothing to be there." : "none."))
            {
                Path = path,
            };
        }

        if (contentType is not null)
        {
            Bound(Bytes(contentType, path, "The media type"), MaxContentTypeBytes, path, "The media type");
        }

        if (metadata.IsEmpty)
        {
            return;
        }

        long bytes = 0;
        foreach ((string name, string value) in metadata)
        {
            if (name.Length == 0)
            {
                throw Invalid(path, "The user metadata have an empty name.");
            }

            bytes += Bytes(name, path, "A name of the user metadata")
                + Bytes(value, path, $"The user metadata \"{name}\"");
        }

        Bound(bytes, Limits.MaxMetadataBytes, path, "The user metadata");
    }

    private static void CheckReplicas(int replicas, string? path)
    {
        if (replicas is < 0 or > Limits.MaxReplicas)
        {
            throw Invalid(
                path, $"{replicas} replicas were asked for; 1 to {Limits.MaxReplicas} are possible, 0 is the default.");
        }
    }

    private static void CheckManifest(
        ImmutableArray<ChunkReference> manifest, ImmutableArray<ChunkReference> discarded, long? size, int staged = 0)
    {
        RequireManifest(manifest);
        CheckCount((long)manifest.Length + staged);
        long total = CheckReferences(manifest);
        if (size is { } said)
        {
            CheckTotal(total, said);
        }

        CheckWritten(discarded);
        if (discarded.Length > 0)
        {
            var kept = manifest.Select(chunk => chunk.Key).ToHashSet();
            foreach (ChunkReference chunk in discarded)
            {
                if (kept.Contains(chunk.Key))
                {
                    throw Invalid(null, $"Chunk {chunk.Key} is in the manifest and among the discarded ones.");
                }
            }
        }
    }

    private static void CheckCount(long chunks)
    {
        if (chunks > Limits.MaxChunksPerFile)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded,
                $"The file has {chunks} chunks; at most {Limits.MaxChunksPerFile} are allowed: choose a larger chunk size.");
        }
    }

    private static long CheckReferences(ImmutableArray<ChunkReference> chunks)
    {
        long total = 0;
        foreach (ChunkReference chunk in chunks)
        {
            if (chunk.Length is <= 0 or > Limits.MaxChunkSize || chunk.Volume.Value <= 0)
            {
                throw Invalid(
                    null,
                    $"Chunk {chunk.Key} has {chunk.Length} bytes in volume {chunk.Volume}; 1 to {Limits.MaxChunkSize} "
                        + "bytes in volume 1 or higher are possible.");
            }

            total += chunk.Length;
        }

        return total;
    }

    private static void CheckTotal(long total, long size)
    {
        if (total != size)
        {
            throw Invalid(null, $"The chunks add up to {total} bytes, the size is said to be {size}.");
        }
    }

    private static int Bytes(string text, string path, string what)
    {
        try
        {
            return StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException exception)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"{what} is not valid Unicode (a lone surrogate).", exception)
            {
                Path = path,
            };
        }
    }

    private static void Bound(long bytes, int most, string path, string what)
    {
        if (bytes > most)
        {
            throw new BigFsException(
                BigFsErrorCode.LimitExceeded, $"{what} of \"{path}\": {bytes} bytes, at most {most} are allowed.")
            {
                Path = path,
            };
        }
    }

    private static BigFsException Invalid(string? path, string problem) =>
        new(BigFsErrorCode.InvalidArgument, problem) { Path = path };
}

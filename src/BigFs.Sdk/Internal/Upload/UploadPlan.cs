using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Internal.Upload;

/// <summary>An upload's options after validation; immutable, so that the caller may go on using the bag.</summary>
internal sealed record UploadPlan
{
    private const int MaxContentTypeLength = 255;

    public required BigFsPath Path { get; init; }

    public required int ChunkSize { get; init; }

    public required int Concurrency { get; init; }

    /// <summary>Whether content that fits goes into the metadata.</summary>
    public required bool Inline { get; init; }

    public required BeginUploadRequest Request { get; init; }

    /// <summary>Whether the precondition is checked when the upload begins whatever its length: a session of its own.</summary>
    public bool CheckedFirst { get; init; }

    /// <summary>
    /// The commit's identity, for who may have to commit the same content again; null: one of the upload's own.
    /// </summary>
    public Guid? Operation { get; init; }

    public required IProgress<long>? Progress { get; init; }

    /// <summary>Copies and validates.</summary>
    /// <exception cref="BigFsException">InvalidArgument, with the option's name and range; LimitExceeded.</exception>
    public static UploadPlan Of(BigFsPath path, UploadOptions? options)
    {
        options ??= new UploadOptions();
        OptionChecks.Within(path, nameof(options.ChunkSize), options.ChunkSize, Limits.MinChunkSize, Limits.MaxChunkSize);
        OptionChecks.Within(path, nameof(options.Concurrency), options.Concurrency, 1, OptionChecks.MaxConcurrency);
        if (options.Replicas is { } replicas)
        {
            OptionChecks.Within(path, nameof(options.Replicas), replicas, 1, Limits.MaxReplicas);
        }

        if (options.ContentType is { Length: > MaxContentTypeLength } contentType)
        {
            throw OptionChecks.Invalid(
                path, $"ContentType is {contentType.Length} characters long; at most {MaxContentTypeLength} are allowed");
        }

        UploadPrecondition precondition = options.Precondition ?? UploadPrecondition.Anything;
        return new UploadPlan
        {
            Path = path,
            ChunkSize = options.ChunkSize,
            Concurrency = options.Concurrency,
            Inline = options.Inline,
            Progress = options.Progress,
            Request = new BeginUploadRequest
            {
                Operation = Guid.NewGuid(),
                Path = path,
                Precondition = precondition switch
                {
                    { RequiresAbsence: true } => new Precondition(PreconditionKind.Absent, default),
                    { Version: { } version } => new Precondition(PreconditionKind.Version, version),
                    _ => default,
                },
                Replicas = options.Replicas ?? 0,
                ContentType = options.ContentType,
                Metadata = Checked(path, options.Metadata),
            },
        };
    }

    /// <summary>The same under an identity that the caller chose.</summary>
    public UploadPlan As(Guid operation) => this with { Operation = operation, Request = Request with { Operation = operation } };

    private static ImmutableSortedDictionary<string, string> NoMetadata { get; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    private static ImmutableSortedDictionary<string, string> Checked(BigFsPath path, IDictionary<string, string>? metadata)
    {
        if (metadata is null or { Count: 0 })
        {
            return NoMetadata;
        }

        var copy = metadata.ToImmutableSortedDictionary(StringComparer.Ordinal);
        long bytes = copy.Sum(pair => (long)Encoding.UTF8.GetByteCount(pair.Key) + Encoding.UTF8.GetByteCount(pair.Value));
        return bytes <= Limits.MaxMetadataBytes
            ? copy
            : throw new BigFsException(
                BigFsErrorCode.LimitExceeded,
                $"The metadata of \"{path}\" are {bytes} bytes long; at most {Limits.MaxMetadataBytes} are allowed.")
            {
                Path = path.ToString(),
            };
    }
}

using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Google.Protobuf;

namespace BigFs.Internal.Grpc;

/// <summary>What file server and metadata server say about small files and shared sessions, and grants and commits as answers.</summary>
internal static class SmallFileMapping
{
    public static Protocol.BeginSharedRequest ToProto(this BeginSharedRequest request) =>
        new() { Operation = request.Operation.ToProto(), Replicas = request.Replicas };

    public static BeginSharedRequest FromProto(this Protocol.BeginSharedRequest proto) =>
        new(proto.Operation.ToGuid(), proto.Replicas.InRange(0, Limits.MaxReplicas, "replicas"));

    public static Protocol.CommitFileRequest ToProto(this CommitFileRequest request)
    {
        var proto = new Protocol.CommitFileRequest
        {
            Operation = request.Operation.ToProto(),
            Path = request.Path.ToString(),
            Precondition = (int)request.Precondition.Kind,
            PreconditionVersion = request.Precondition.Version.Value,
            Replicas = request.Replicas,
            Size = request.Size,
            Crc32C = request.Crc32C,

            // The memory is the caller's, who keeps it as it is until the call has ended.
            Content = UnsafeByteOperations.UnsafeWrap(request.Content),
        };
        if (request.Session is { } session)
        {
            proto.Session = session.ToProto();
        }

        if (request.ContentType is { } contentType)
        {
            proto.ContentType = contentType;
        }

        foreach ((string name, string value) in request.Metadata)
        {
            proto.Metadata[name] = value;
        }

        if (!request.Manifest.IsDefaultOrEmpty)
        {
            proto.Manifest = request.Manifest.ToProto();
        }

        if (!request.Discarded.IsDefaultOrEmpty)
        {
            proto.Discarded = request.Discarded.ToProto();
        }

        return proto;
    }

    public static CommitFileRequest FromProto(this Protocol.CommitFileRequest proto) => new()
    {
        Operation = proto.Operation.ToGuid(),
        Session = proto.HasSession ? proto.Session.ToGuid() : null,
        Path = proto.Path.ToPath(),
        Precondition = new Precondition(
            Wire.ToEnum<PreconditionKind>(proto.Precondition), new BigFsVersion(proto.PreconditionVersion)),
        Replicas = proto.Replicas.InRange(0, Limits.MaxReplicas, "replicas"),
        ContentType = proto.HasContentType ? proto.ContentType : null,
        Metadata = NamespaceMapping.Sorted(proto.Metadata),
        Size = proto.Size,
        Crc32C = proto.Crc32C,
        Manifest = proto.Manifest.FromProto(),
        Discarded = proto.Discarded.FromProto(),
        Content = proto.Content.Memory,
    };

    public static Protocol.AbortFileRequest ToProto(this AbortFileRequest request)
    {
        var proto = new Protocol.AbortFileRequest
        {
            Operation = request.Operation.ToProto(),
            Written = request.Written.ToProto(),
        };
        if (request.Session is { } session)
        {
            proto.Session = session.ToProto();
        }

        return proto;
    }

    public static AbortFileRequest FromProto(this Protocol.AbortFileRequest proto) => new()
    {
        Operation = proto.Operation.ToGuid(),
        Session = proto.HasSession ? proto.Session.ToGuid() : null,
        Written = proto.Written.FromProto(),
    };

    public static Protocol.GrantResponse ToProto(this ImmutableArray<ChunkGrant> grants)
    {
        var proto = new Protocol.GrantResponse();
        proto.Grants.Capacity = grants.Length;
        foreach (ChunkGrant grant in grants)
        {
            proto.Grants.Add(grant.ToProto());
        }

        return proto;
    }

    public static Protocol.CommittedFile ToProto(this CommittedFile committed) => new()
    {
        File = committed.File.ToProto(),
        NameEngine = committed.Name.Engine,
        NameDurability = (int)committed.Name.Durability,
        NameCopies = committed.Name.Copies,
    };

    public static CommittedFile FromProto(this Protocol.CommittedFile proto) => new(
        proto.File.FileFromProto(),
        new NameDurability(Wire.ToEnum<BigFsDurability>(proto.NameDurability), proto.NameEngine)
        {
            Copies = proto.NameCopies.InRange(1, int.MaxValue, "name_copies"),
        });

    public static Protocol.FindMetadataResponse ToProto(this MetadataEntry? found) => found is null
        ? new Protocol.FindMetadataResponse()
        : new Protocol.FindMetadataResponse
        {
            Entry = found.Entry.ToProto(),
            Manifest = found.Manifest.IsDefaultOrEmpty ? null : found.Manifest.ToProto(),
            Content = UnsafeByteOperations.UnsafeWrap(found.Content),
            Chunks = found.Chunks,
            Lease = found.Lease.Ticks,
        };

    public static Protocol.FindMetadataResponse ToProto(this MetadataChange? change) =>
        change is null ? new Protocol.FindMetadataResponse { Unchanged = true } : change.Found.ToProto();

    public static MetadataChange? ChangeFromProto(this Protocol.FindMetadataResponse proto) =>
        proto.Unchanged ? null : new MetadataChange(proto.FromProto());

    public static MetadataEntry? FromProto(this Protocol.FindMetadataResponse proto) => proto.Entry is { } entry
        ? new MetadataEntry(entry.FromProto(), proto.Manifest.FromProto())
        {
            Content = proto.Content.Memory,
            Chunks = proto.Chunks,
            Lease = TimeSpan.FromTicks(proto.Lease),
        }
        : null;
}

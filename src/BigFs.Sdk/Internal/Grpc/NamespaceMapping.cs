using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace BigFs.Internal.Grpc;

/// <summary>What file server and metadata server say: entries, uploads, listings.</summary>
internal static class NamespaceMapping
{
    public static Protocol.Entry ToProto(this BigFsEntry entry)
    {
        var proto = new Protocol.Entry
        {
            Path = entry.Path.ToString(),
            Created = entry.Created.ToProto(),
            Modified = entry.Modified.ToProto(),
        };
        if (entry is BigFsFile file)
        {
            proto.File = new Protocol.FileDetail
            {
                Version = file.Version.Value,
                Size = file.Size,
                Crc32C = file.Crc32C,
                Replicas = file.Replicas,
            };
            if (file.ContentType is { } contentType)
            {
                proto.File.ContentType = contentType;
            }

            CopyTo(file.Metadata, proto.File.Metadata);
        }

        return proto;
    }

    public static BigFsEntry FromProto(this Protocol.Entry proto)
    {
        BigFsPath path = proto.Path.ToPath();
        DateTimeOffset created = Wire.ToInstant(proto.Created), modified = Wire.ToInstant(proto.Modified);
        return proto.File is not { } file
            ? new BigFsDirectory { Path = path, Created = created, Modified = modified }
            : new BigFsFile
            {
                Path = path,
                Created = created,
                Modified = modified,
                Version = new BigFsVersion(file.Version),
                Size = file.Size,
                Crc32C = file.Crc32C,
                Replicas = file.Replicas,
                ContentType = file.HasContentType ? file.ContentType : null,
                Metadata = Sorted(file.Metadata),
            };
    }

    public static BigFsFile FileFromProto(this Protocol.Entry? proto) =>
        proto.Required("the file").FromProto() as BigFsFile ?? throw Wire.Invalid("a directory stands for a file");

    public static Protocol.ChunkGrant ToProto(this ChunkGrant grant) => new()
    {
        Key = grant.Key.Value,
        Volume = grant.Volume.Value,
        Epoch = grant.Epoch,
        Pipeline = { grant.Pipeline.Select(Wire.ToProto) },
        Capability = grant.Capability.ToProto(),
    };

    public static ChunkGrant FromProto(this Protocol.ChunkGrant proto) => new()
    {
        Key = new ChunkKey(proto.Key),
        Volume = new VolumeId(proto.Volume),
        Epoch = proto.Epoch,
        Pipeline = proto.Pipeline.ToArray(Wire.FromProto),
        Capability = proto.Capability.ToCapability(),
    };

    public static Protocol.VolumeLocation ToProto(this VolumeLocation location) => new()
    {
        Volume = location.Volume.Value,
        Epoch = location.Epoch,
        Members = { location.Members.Select(Wire.ToProto) },
        Capability = location.Capability.ToProto(),
    };

    public static VolumeLocation FromProto(this Protocol.VolumeLocation proto) => new()
    {
        Volume = new VolumeId(proto.Volume),
        Epoch = proto.Epoch,
        Members = proto.Members.ToArray(Wire.FromProto),
        Capability = proto.Capability.ToCapability(),
    };

    public static Protocol.UploadOpening ToProto(this BeginUploadRequest request)
    {
        var proto = new Protocol.UploadOpening
        {
            Operation = request.Operation.ToProto(),
            Path = request.Path.ToString(),
            Precondition = (int)request.Precondition.Kind,
            PreconditionVersion = request.Precondition.Version.Value,
            Replicas = request.Replicas,
        };
        if (request.ContentType is { } contentType)
        {
            proto.ContentType = contentType;
        }

        CopyTo(request.Metadata, proto.Metadata);
        return proto;
    }

    public static BeginUploadRequest FromProto(this Protocol.UploadOpening proto) => new()
    {
        Operation = proto.Operation.ToGuid(),
        Path = proto.Path.ToPath(),
        Precondition = new Precondition(
            Wire.ToEnum<PreconditionKind>(proto.Precondition), new BigFsVersion(proto.PreconditionVersion)),
        Replicas = proto.Replicas.InRange(0, Limits.MaxReplicas, "replicas"),
        ContentType = proto.HasContentType ? proto.ContentType : null,
        Metadata = Sorted(proto.Metadata),
    };

    public static Protocol.UploadSession ToProto(this UploadSession session) => new()
    {
        Id = session.Id.ToProto(),
        Replicas = session.Replicas,
        TimeToLive = session.TimeToLive.Ticks,
    };

    public static UploadSession FromProto(this Protocol.UploadSession proto) =>
        new(proto.Id.ToGuid(), proto.Replicas, TimeSpan.FromTicks(proto.TimeToLive));

    public static Protocol.UploadTicket ToProto(this UploadTicket ticket) => new()
    {
        Session = ticket.Session.ToProto(),
        Grants = { ticket.Grants.Select(ToProto) },
    };

    public static UploadTicket FromProto(this Protocol.UploadTicket proto) =>
        new(proto.Session.Required("the session").FromProto(), proto.Grants.ToArray(FromProto));

    public static Protocol.CommitUploadRequest ToProto(this CommitUploadRequest request) => new()
    {
        Operation = request.Operation.ToProto(),
        Session = request.Session.ToProto(),
        Size = request.Size,
        Crc32C = request.Crc32C,
        Manifest = request.Manifest.ToProto(),
        Discarded = request.Discarded.ToProto(),
        Staged = request.Staged,
    };

    public static CommitUploadRequest FromProto(this Protocol.CommitUploadRequest proto) => new()
    {
        Operation = proto.Operation.ToGuid(),
        Session = proto.Session.ToGuid(),
        Size = proto.Size,
        Crc32C = proto.Crc32C,
        Manifest = proto.Manifest.FromProto(),
        Discarded = proto.Discarded.FromProto(),
        Staged = proto.Staged,
    };

    public static Protocol.OpenedFile ToProto(this OpenedFile opened) => new()
    {
        File = opened.File.ToProto(),
        Manifest = opened.Manifest.ToProto(),
        Locations = { opened.Locations.Select(ToProto) },
        Content = UnsafeByteOperations.UnsafeWrap(opened.Content),
        Chunks = opened.Chunks,
        Lease = opened.Lease.Ticks,
    };

    public static OpenedFile FromProto(this Protocol.OpenedFile proto) => new()
    {
        File = proto.File.FileFromProto(),
        Manifest = proto.Manifest.FromProto(),
        Locations = proto.Locations.ToArray(FromProto),
        Content = proto.Content.Memory,
        Chunks = proto.Chunks,
        Lease = TimeSpan.FromTicks(proto.Lease),
    };

    public static Protocol.KnownFile ToProto(this KnownFile known) =>
        new() { Version = known.Version.Value, Volume = known.Volume.Value, Epoch = known.Epoch };

    public static KnownFile FromProto(this Protocol.KnownFile proto) =>
        new(new BigFsVersion(proto.Version), new VolumeId(proto.Volume), proto.Epoch);

    public static Protocol.ListRequest ToProto(this MetadataListRequest request) => new()
    {
        Directory = request.Directory.ToString(),
        After = request.After,
        Prefix = request.Prefix,
        Limit = request.Limit,
        Recursive = request.Recursive,
        MaxBytes = request.MaxBytes,
    };

    public static MetadataListRequest FromProto(this Protocol.ListRequest proto) => new()
    {
        Directory = proto.Directory.ToPath(),
        After = proto.After,
        Prefix = proto.Prefix,
        Limit = proto.Limit.InRange(1, Limits.MaxPageSize, "limit"),
        Recursive = proto.Recursive,
        MaxBytes = proto.MaxBytes == 0 ? Limits.MaxPageBytes : proto.MaxBytes.InRange(1, Limits.MaxPageBytes, "max_bytes"),
    };

    public static Protocol.ListResponse ToProto(this MetadataPage page)
    {
        var proto = new Protocol.ListResponse { Entries = { page.Entries.Select(ToProto) } };
        if (page.Next is { } next)
        {
            proto.Next = next;
        }

        return proto;
    }

    public static MetadataPage FromProto(this Protocol.ListResponse proto) =>
        new(proto.Entries.ToArray(FromProto), proto.HasNext ? proto.Next : null);

    public static Protocol.DeleteRequest ToProto(this DeleteRequest request)
    {
        var proto = new Protocol.DeleteRequest
        {
            Operation = request.Operation.ToProto(),
            Path = request.Path.ToString(),
            Recursive = request.Recursive,
        };
        if (request.Version is { } version)
        {
            proto.Version = version.Value;
        }

        return proto;
    }

    public static DeleteRequest FromProto(this Protocol.DeleteRequest proto) => new()
    {
        Operation = proto.Operation.ToGuid(),
        Path = proto.Path.ToPath(),
        Recursive = proto.Recursive,
        Version = proto.HasVersion ? new BigFsVersion(proto.Version) : null,
    };

    public static Protocol.MoveRequest ToProto(this MoveRequest request) => new()
    {
        Operation = request.Operation.ToProto(),
        Source = request.Source.ToString(),
        Destination = request.Destination.ToString(),
        Overwrite = request.Overwrite,
    };

    public static MoveRequest FromProto(this Protocol.MoveRequest proto) => new()
    {
        Operation = proto.Operation.ToGuid(),
        Source = proto.Source.ToPath(),
        Destination = proto.Destination.ToPath(),
        Overwrite = proto.Overwrite,
    };

    public static Protocol.CreateDirectoryRequest CreateDirectory(Guid operation, BigFsPath path) =>
        new() { Operation = operation.ToProto(), Path = path.ToString() };

    public static Protocol.AbortUploadRequest AbortUpload(Guid session, ImmutableArray<ChunkReference> written) =>
        new() { Session = session.ToProto(), Written = written.ToProto() };

    public static Protocol.ReplicaFault ToProto(this ReplicaFault fault)
    {
        var proto = new Protocol.ReplicaFault
        {
            Volume = fault.Volume.Value,
            Node = fault.Node.Value.ToProto(),
            Status = (int)fault.Status,
        };
        if (fault.Key is { } key)
        {
            proto.Key = key.Value;
        }

        return proto;
    }

    public static ReplicaFault FromProto(this Protocol.ReplicaFault proto) => new(
        new VolumeId(proto.Volume),
        proto.HasKey ? new ChunkKey(proto.Key) : null,
        proto.Node.ToNodeId(),
        Wire.ToEnum<Core.Storage.ChunkStatus>(proto.Status));

    private static void CopyTo(IEnumerable<KeyValuePair<string, string>> from, MapField<string, string> to)
    {
        foreach ((string name, string value) in from)
        {
            to[name] = value;
        }
    }

    public static ImmutableSortedDictionary<string, string> Sorted(MapField<string, string> map) =>
        map.Count == 0 ? NoMetadata : map.ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static ImmutableSortedDictionary<string, string> NoMetadata { get; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
}

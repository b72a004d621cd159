using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Internal.Grpc;

/// <summary>What file server and metadata server say of versions, long manifests, chunks' owners and jobs.</summary>
internal static class VersionMapping
{
    public static Protocol.StageChunksRequest ToProto(this StageChunksRequest request) => new()
    {
        Session = request.Session.ToProto(),
        First = request.First,
        Chunks = request.Chunks.ToProto(),
    };

    public static StageChunksRequest FromProto(this Protocol.StageChunksRequest proto) => new()
    {
        Session = proto.Session.ToGuid(),
        First = proto.First,
        Chunks = proto.Chunks.FromProto(),
    };

    public static Protocol.ManifestRequest ToProto(this ManifestRequest request) =>
        new() { Version = request.Version.Value, First = request.First, Count = request.Count };

    public static ManifestRequest FromProto(this Protocol.ManifestRequest proto) =>
        new() { Version = new BigFsVersion(proto.Version), First = proto.First, Count = proto.Count };

    public static Protocol.ManifestPage ToProto(this ManifestPage page) =>
        new() { Chunks = page.Chunks.ToProto(), Total = page.Total, Lease = page.Lease.Ticks };

    public static ManifestPage FromProto(this Protocol.ManifestPage proto) =>
        new(proto.Chunks.FromProto(), proto.Total) { Lease = TimeSpan.FromTicks(proto.Lease) };

    public static Protocol.MetadataJob ToProto(this MetadataJob job)
    {
        var proto = new Protocol.MetadataJob
        {
            Id = job.Id.ToProto(),
            Kind = (int)job.Kind,
            State = (int)job.State,
            Path = job.Path.ToString(),
            Started = job.Started.ToProto(),
            Updated = job.Updated.ToProto(),
            Files = job.Totals.Files,
            Directories = job.Totals.Directories,
            Bytes = job.Totals.Bytes,
            PhysicalBytes = job.Totals.PhysicalBytes,
        };
        if (job.Problem is { } problem)
        {
            proto.Problem = problem;
        }

        return proto;
    }

    public static MetadataJob FromProto(this Protocol.MetadataJob proto) => new()
    {
        Id = proto.Id.ToGuid(),
        Kind = Wire.ToEnum<MetadataJobKind>(proto.Kind),
        State = Wire.ToEnum<MetadataJobState>(proto.State),
        Path = proto.Path.ToPath(),
        Started = Wire.ToInstant(proto.Started),
        Updated = Wire.ToInstant(proto.Updated),
        Totals = new MetadataTotals(proto.Files, proto.Directories, proto.Bytes, proto.PhysicalBytes),
        Problem = proto.HasProblem ? proto.Problem : null,
    };

    public static Protocol.ChunkOwners ToProto(this ChunkOwners owners)
    {
        var proto = new Protocol.ChunkOwners { Chunk = owners.Chunk.Value, Deleted = owners.IsDeleted };
        foreach (ChunkOwner owner in owners.Owners)
        {
            var one = new Protocol.ChunkOwner { Version = owner.Version.Value };
            if (owner.Path is { } path)
            {
                one.Path = path.ToString();
            }

            proto.Owners.Add(one);
        }

        return proto;
    }

    public static ChunkOwners FromProto(this Protocol.ChunkOwners proto) => new(
        new ChunkKey(proto.Chunk),
        proto.Deleted,
        proto.Owners.ToArray(owner =>
            new ChunkOwner(new BigFsVersion(owner.Version), owner.HasPath ? owner.Path.ToPath() : default(BigFsPath?))));
}

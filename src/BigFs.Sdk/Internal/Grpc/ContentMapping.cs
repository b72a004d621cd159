using BigFs.Core.Model;
using BigFs.Internal.Upload;

namespace BigFs.Internal.Grpc;

/// <summary>Values of gateway.proto to and from their form on the wire.</summary>
internal static class ContentMapping
{
    public static Protocol.UploadHeader Header(UploadPlan plan, Guid operation, long? size)
    {
        var header = new Protocol.UploadHeader
        {
            Protocol = ContentMethods.Version,
            Operation = operation.ToProto(),
            Path = plan.Path.ToString(),
            Precondition = (int)plan.Request.Precondition.Kind,
            PreconditionVersion = plan.Request.Precondition.Version.Value,
            Replicas = plan.Request.Replicas,
            Inline = plan.Inline,
            ChunkSize = plan.ChunkSize,
            CheckedFirst = plan.CheckedFirst,
        };
        if (plan.Request.ContentType is { } contentType)
        {
            header.ContentType = contentType;
        }

        foreach ((string name, string value) in plan.Request.Metadata)
        {
            header.Metadata[name] = value;
        }

        if (size is { } known)
        {
            header.Size = known;
        }

        return header;
    }

    /// <summary>The options of an upload on behalf of who sent the header.</summary>
    public static UploadOptions Options(this Protocol.UploadHeader header)
    {
        var options = new UploadOptions
        {
            Replicas = header.Replicas == 0 ? null : header.Replicas,
            Precondition = Wire.ToEnum<Core.Metadata.PreconditionKind>(header.Precondition) switch
            {
                Core.Metadata.PreconditionKind.Absent => UploadPrecondition.Absent,
                Core.Metadata.PreconditionKind.Version => UploadPrecondition.Is(new BigFsVersion(header.PreconditionVersion)),
                _ => UploadPrecondition.Anything,
            },
            Inline = header.Inline,
            ContentType = header.HasContentType ? header.ContentType : null,
            Metadata = header.Metadata,
        };
        if (header.ChunkSize != 0)
        {
            options.ChunkSize = header.ChunkSize;
        }

        return options;
    }

    public static Protocol.UploadReceipt ToProto(this UploadResult result) => new()
    {
        File = result.File.ToProto(),
        Replicas = result.Receipt.Replicas,
        Durability = (int)result.Receipt.Durability,
        Chunks = result.Receipt.Chunks,
        Crc32C = result.Receipt.Crc32C,
        Inline = result.Receipt.Inline,
        MetadataCopies = result.Receipt.MetadataCopies,
        NameDurability = result.Receipt.NameDurability,
        Volumes =
        {
            result.Receipt.Volumes.Select(volume => new Protocol.VolumeUse
            {
                Volume = volume.Volume,
                Nodes = { volume.Nodes },
                Chunks = volume.Chunks,
                Bytes = volume.Bytes,
            }),
        },
    };

    public static UploadResult FromProto(this Protocol.UploadReceipt receipt) => new()
    {
        File = receipt.File.Required("the file").FileFromProto(),
        Receipt = new DurabilityReceipt
        {
            Replicas = receipt.Replicas,
            Durability = Wire.ToEnum<BigFsDurability>(receipt.Durability),
            Chunks = receipt.Chunks,
            Crc32C = receipt.Crc32C,
            Inline = receipt.Inline,
            MetadataCopies = receipt.MetadataCopies,
            NameDurability = receipt.NameDurability,
            Volumes = receipt.Volumes.ToArray(volume => new VolumeReceipt
            {
                Volume = volume.Volume,
                Nodes = [.. volume.Nodes],
                Chunks = volume.Chunks,
                Bytes = volume.Bytes,
            }),
        },
    };
}

using System.Collections.Immutable;
using BigFs.Core.Security;
using BigFs.Internal.Grpc;
using Google.Protobuf;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>Records of clients' keys, to and from their form on the wire.</summary>
internal static class AccessKeyMapping
{
    public static Protocol.AccessKey ToProto(this AccessKeyRecord record)
    {
        var proto = new Protocol.AccessKey
        {
            Id = record.Id,
            Hash = ByteString.CopyFrom(record.Hash.AsSpan()),
            Name = record.Name,
            Rights = (int)record.Rights,
            Root = record.Root.ToString(),
            Created = record.Created.ToProto(),
        };
        if (record.Expires is { } expires)
        {
            proto.Expires = expires.ToProto();
        }

        if (record.Revoked is { } revoked)
        {
            proto.Revoked = revoked.ToProto();
        }

        return proto;
    }

    /// <summary>The record; what was made just now and has no time yet gets one.</summary>
    /// <exception cref="BigFsException">InvalidArgument, InvalidPath.</exception>
    public static AccessKeyRecord FromProto(this Protocol.AccessKey proto, DateTimeOffset now) => new()
    {
        Id = proto.Id,
        Hash = [.. proto.Hash.Span],
        Name = proto.Name,
        Rights = (AccessRights)proto.Rights,
        Root = proto.Root.ToPath(),
        Created = proto.HasCreated ? Wire.ToInstant(proto.Created) : now,
        Expires = proto.HasExpires ? Wire.ToInstant(proto.Expires) : null,
        Revoked = proto.HasRevoked ? Wire.ToInstant(proto.Revoked) : null,
    };

    public static Protocol.AccessKeyList ToProto(this ImmutableArray<AccessKeyRecord> records) =>
        new() { Keys = { records.Select(ToProto) } };
}

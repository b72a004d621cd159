using System.Buffers.Binary;
using System.Security.Cryptography;

namespace BigFs.Hosting.Access;

/// <summary>
/// Ids of operations and sessions as the cluster keeps them for the owner of a key: made of the client's id and the key's, so
/// that the id of another's session or operation names nothing. The time in a version 7 id (RFC 9562) stays, since ids that
/// grow cost an engine least.
/// </summary>
internal static class PrincipalIds
{
    private const int GuidBytes = 16;
    private const int TimeBytes = 6;

    /// <summary>The kept id; an empty one stays empty, so that it is refused as such.</summary>
    public static Guid Of(string key, Guid id)
    {
        if (id == Guid.Empty)
        {
            return id;
        }

        Span<byte> input = stackalloc byte[sizeof(ulong) + GuidBytes];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt64BigEndian(input, Convert.ToUInt64(key, 16));
        Span<byte> own = input[sizeof(ulong)..];
        id.TryWriteBytes(own, bigEndian: true, out _);
        SHA256.HashData(input, hash);
        hash[..(GuidBytes - TimeBytes)].CopyTo(own[TimeBytes..]);

        // Version 8: of its maker's own design.
        own[6] = (byte)((own[6] & 0x0F) | 0x80);
        own[8] = (byte)((own[8] & 0x3F) | 0x80);
        return new Guid(own, bigEndian: true);
    }
}

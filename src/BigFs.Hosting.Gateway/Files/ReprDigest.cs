using System.Buffers.Binary;
using System.Security.Cryptography;
using BigFs.Core.Chunking;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>
/// Checksums of a content as HTTP tells them (RFC 9530): sha-256, which is kept when the writer sent it, and crc32c, which every
/// file has. An upload that names one is checked against it before it is committed.
/// </summary>
internal sealed class ReprDigest : IDisposable
{
    /// <summary>The name under which a file's metadata keep the sha-256 that its writer sent and the gateway found right.</summary>
    public const string MetadataName = "repr-digest-sha-256";

    private const string Sha256 = "sha-256";
    private const string Crc = "crc32c";

    private readonly byte[]? _sha256;
    private readonly byte[]? _crc;
    private readonly IncrementalHash? _hash;
    private uint _running;

    private ReprDigest(byte[]? sha256, byte[]? crc)
    {
        (_sha256, _crc) = (sha256, crc);
        _hash = sha256 is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    }

    /// <summary>The sha-256 as the metadata keep it; null when none was sent.</summary>
    public string? Kept => _sha256 is null ? null : Convert.ToBase64String(_sha256);

    /// <summary>What an upload says of its content by Repr-Digest or Content-Digest, which is the same of a whole one; null: nothing.</summary>
    /// <exception cref="BigFsException">InvalidArgument: it cannot be read, or contradicts itself.</exception>
    public static ReprDigest? Of(HttpRequest request)
    {
        byte[]? sha256 = null, crc = null;
        foreach (string header in new[] { "Repr-Digest", "Content-Digest" })
        {
            foreach (string member in request.Headers[header].SelectMany(line => (line ?? "").Split(',', StringSplitOptions.TrimEntries)))
            {
                if (member.Length > 0)
                {
                    (string name, byte[] value) = Member(header, member);
                    sha256 = name == Sha256 ? Same(header, sha256, value, SHA256.HashSizeInBytes) : sha256;
                    crc = name == Crc ? Same(header, crc, value, sizeof(uint)) : crc;
                }
            }
        }

        return sha256 is null && crc is null ? null : new ReprDigest(sha256, crc);
    }

    /// <summary>The header of a file that stands.</summary>
    public static string Of(BigFsFile file)
    {
        Span<byte> crc = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(crc, file.Crc32C);
        string always = $"{Crc}=:{Convert.ToBase64String(crc)}:";
        return file.Metadata.TryGetValue(MetadataName, out string? sha256) ? $"{Sha256}=:{sha256}:, {always}" : always;
    }

    /// <summary>Takes what arrived.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _hash?.AppendData(bytes);
        _running = _crc is null ? 0 : Crc32C.Append(_running, bytes);
    }

    /// <summary>Checks the whole, once.</summary>
    /// <exception cref="BigFsException">InvalidArgument: what arrived is not what was announced.</exception>
    public void Check()
    {
        Span<byte> crc = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(crc, _running);
        string? wrong = _hash is not null && !_hash.GetHashAndReset().AsSpan().SequenceEqual(_sha256) ? Sha256
            : _crc is not null && !crc.SequenceEqual(_crc) ? Crc
            : null;
        if (wrong is not null)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"The content that arrived has another {wrong} than was announced; nothing was stored.");
        }
    }

    public void Dispose() => _hash?.Dispose();

    private static (string Name, byte[] Value) Member(string header, string member)
    {
        int equals = member.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0 && member.Length > equals + 2 && member[equals + 1] == ':' && member[^1] == ':')
        {
            byte[] value = new byte[member.Length];
            if (Convert.TryFromBase64String(member[(equals + 2)..^1], value, out int length))
            {
                return (member[..equals], value[..length]);
            }
        }

        throw Wrong(header, "is not written as RFC 9530 says, as sha-256=:BASE64:");
    }

    private static byte[] Same(string header, byte[]? before, byte[] value, int length) =>
        value.Length != length ? throw Wrong(header, "has a checksum of another length than its kind has")
        : before is not null && !before.AsSpan().SequenceEqual(value) ? throw Wrong(header, "names two checksums of one kind")
        : value;

    private static BigFsException Wrong(string header, string what) =>
        new(BigFsErrorCode.InvalidArgument, $"The header {header} {what}.");
}

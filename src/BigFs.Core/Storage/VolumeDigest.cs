using System.Buffers.Binary;
using System.Security.Cryptography;

namespace BigFs.Core.Storage;

/// <summary>
/// What a replica holds, in so few bytes that replicas are compared without listing their keys. Equal digests mean equal
/// sets: of live chunks (key, length, checksum), and of deleted keys.
/// </summary>
/// <param name="Chunks">Chunks that live.</param>
/// <param name="Live">
/// SHA-256, in hexadecimal, over the live chunks ordered by key: key (8 bytes), length (4) and CRC-32C (4) of each,
/// little-endian.
/// </param>
/// <param name="Deleted">SHA-256, in hexadecimal, over the deleted keys (8 bytes each, little-endian) in order.</param>
public sealed record VolumeDigest(long Chunks, string Live, string Deleted)
{
    /// <summary>The digest of chunks and delete marks that come ordered by key.</summary>
    public static VolumeDigest Of(IEnumerable<StoredChunkInfo> chunks)
    {
        using var builder = new VolumeDigestBuilder();
        foreach (StoredChunkInfo chunk in chunks)
        {
            builder.Add(new IndexEntry(chunk.Key.Value, chunk.Deleted ? long.MinValue : 0, chunk.Length, chunk.Crc32C));
        }

        return builder.Finish();
    }
}

/// <summary>Makes a digest of index entries that come in order.</summary>
internal sealed class VolumeDigestBuilder : IDisposable
{
    private readonly IncrementalHash _live = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash _deleted = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _chunks;

    public void Add(in IndexEntry entry)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, entry.Key);
        if (entry.IsDeleted)
        {
            _deleted.AppendData(bytes[..8]);
            return;
        }

        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], entry.Crc32C);
        _live.AppendData(bytes);
        _chunks++;
    }

    public VolumeDigest Finish() => new(
        _chunks,
        Convert.ToHexStringLower(_live.GetHashAndReset()),
        Convert.ToHexStringLower(_deleted.GetHashAndReset()));

    public void Dispose()
    {
        _live.Dispose();
        _deleted.Dispose();
    }
}

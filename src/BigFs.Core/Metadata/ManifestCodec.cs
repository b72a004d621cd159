using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>
/// The stored form of a manifest, or of a page of one: a form byte, the count, then each reference as differences to the
/// one before it (volume, key, length; zigzag, base 128) and its checksum in four bytes. The chunks of one upload have
/// near keys and equal lengths, so most take 7 to 10 bytes.
/// </summary>
public static class ManifestCodec
{
    private const byte KnownForm = 1;

    // Three differences of a byte at least, and the checksum.
    private const int LeastBytesPerReference = 7;

    // Room to begin with: the form and the count (and what a writer asks for at the end, 10 bytes for any number); more comes as
    // it is needed.
    private const int MostBytesBefore = 32;
    private const int UsualBytesPerReference = 16;

    /// <summary>Encodes at most <see cref="Limits.MaxChunksPerFile"/> references.</summary>
    public static byte[] Encode(ReadOnlySpan<ChunkReference> references)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(references.Length, Limits.MaxChunksPerFile);
        var writer = new FieldWriter(MostBytesBefore + (UsualBytesPerReference * references.Length));
        writer.Byte(KnownForm);
        writer.Unsigned((ulong)references.Length);
        ChunkReference last = default;
        foreach (ChunkReference reference in references)
        {
            writer.Signed(unchecked(reference.Volume.Value - last.Volume.Value));
            writer.Signed(unchecked((long)(reference.Key.Value - last.Key.Value)));
            writer.Signed((long)reference.Length - last.Length);
            writer.Word(reference.Crc32C);
            last = reference;
        }

        return writer.Written.ToArray();
    }

    /// <summary>Decodes; allocates no more than the bytes at hand can hold.</summary>
    /// <exception cref="BigFsException">DataUnreadable: the bytes are cut short, too long or make no sense.</exception>
    public static ImmutableArray<ChunkReference> Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new FieldReader(bytes, "manifest");
        reader.Form(KnownForm);
        int count = reader.Count(Limits.MaxChunksPerFile);
        if (count > reader.Remaining / LeastBytesPerReference)
        {
            throw reader.Damaged($"{reader.Remaining} bytes cannot hold {count} references");
        }

        var references = ImmutableArray.CreateBuilder<ChunkReference>(count);
        ChunkReference last = default;
        for (int i = 0; i < count; i++)
        {
            long volume = unchecked(last.Volume.Value + reader.Signed());
            ulong key = unchecked(last.Key.Value + (ulong)reader.Signed());
            long length = unchecked(last.Length + reader.Signed());
            if (length is < 0 or > int.MaxValue)
            {
                throw reader.Damaged($"a chunk of {length} bytes");
            }

            last = new ChunkReference(new VolumeId(volume), new ChunkKey(key), (int)length, reader.Word());
            references.Add(last);
        }

        reader.End();
        return references.MoveToImmutable();
    }
}

using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>
/// The packed form of entries below one directory, which streamed listings travel in (docs/metadata-protocol.md): names
/// relative to the directory and without what they share with the name before, times as differences. It takes about half
/// the bytes that a message of fields takes.
/// </summary>
public static class PackedEntries
{
    private const byte KnownForm = 1;

    // Kind, two lengths and a time.
    private const int LeastBytesPerEntry = 4;

    /// <summary>What follows in an entry, beside its name and its first time.</summary>
    [Flags]
    private enum Parts : byte
    {
        None = 0,
        File = 1,
        Modified = 2,
        Notes = 4,
        All = File | Modified | Notes,
    }

    /// <summary>
    /// Packs entries, from one of them on, until that takes about so many bytes; one at least.
    /// </summary>
    /// <returns>The bytes, and the first entry that is not in them.</returns>
    public static (byte[] Packed, int Next) Pack(
        BigFsPath directory, ImmutableArray<BigFsEntry> entries, int first, int mostBytes)
    {
        var body = new FieldWriter(Math.Min(mostBytes, 64 + ((entries.Length - first) * 48)));
        string above = directory.IsRoot ? "/" : directory.ToString() + "/";
        string last = "";
        long lastTicks = 0;
        int next = first;
        do
        {
            BigFsEntry entry = entries[next];
            string path = entry.Path.ToString();
            if (path.Length <= above.Length || !path.StartsWith(above, StringComparison.Ordinal))
            {
                throw new ArgumentException($"\"{path}\" is not below \"{directory}\".", nameof(entries));
            }

            ReadOnlySpan<char> before = last.Length == 0 ? "" : last.AsSpan(above.Length);
            Write(body, entry, path.AsSpan(above.Length), before, ref lastTicks);
            last = path;
            next++;
        }
        while (next < entries.Length && body.Written.Length < mostBytes);

        var head = new FieldWriter(16);
        head.Byte(KnownForm);
        head.Unsigned((ulong)(next - first));
        return ([.. head.Written, .. body.Written], next);
    }

    /// <summary>Reads what <see cref="Pack"/> made; allocates no more than the bytes at hand can hold.</summary>
    /// <exception cref="BigFsException">DataUnreadable: the bytes are cut short, too long or make no sense.</exception>
    public static ImmutableArray<BigFsEntry> Unpack(BigFsPath directory, ReadOnlySpan<byte> packed)
    {
        var reader = new FieldReader(packed, "listing");
        reader.Form(KnownForm);
        int count = reader.Count(int.MaxValue);
        if (count == 0 || count > reader.Remaining / LeastBytesPerEntry)
        {
            throw reader.Damaged($"{reader.Remaining} bytes cannot hold {count} entries");
        }

        var names = new RelativePaths(directory);
        var entries = ImmutableArray.CreateBuilder<BigFsEntry>(count);
        long lastTicks = 0;
        for (int i = 0; i < count; i++)
        {
            entries.Add(Read(ref reader, names, ref lastTicks));
        }

        reader.End();
        return entries.MoveToImmutable();
    }

    private static void Write(
        FieldWriter writer, BigFsEntry entry, ReadOnlySpan<char> name, ReadOnlySpan<char> last, ref long lastTicks)
    {
        var file = entry as BigFsFile;
        Parts parts = (file is null ? Parts.None : Parts.File)
            | (entry.Modified == entry.Created ? Parts.None : Parts.Modified)
            | (file is null || (file.ContentType is null && file.Metadata.Count == 0) ? Parts.None : Parts.Notes);
        writer.Byte((byte)parts);

        // A code point above U+FFFF is not cut in two: its halves have no form in UTF-8.
        int shared = name.CommonPrefixLength(last);
        shared -= shared > 0 && char.IsHighSurrogate(name[shared - 1]) ? 1 : 0;
        writer.Unsigned((ulong)Encoding.UTF8.GetByteCount(name[..shared]));
        writer.Text(name[shared..]);

        long ticks = entry.Created.UtcTicks;
        writer.Signed(ticks - lastTicks);
        lastTicks = ticks;
        if (parts.HasFlag(Parts.Modified))
        {
            writer.Signed(entry.Modified.UtcTicks - ticks);
        }

        if (file is not null)
        {
            writer.LongWord(file.Version.Value);
            writer.Unsigned((ulong)file.Size);
            writer.Word(file.Crc32C);
            writer.Unsigned((ulong)file.Replicas);
        }

        if (parts.HasFlag(Parts.Notes))
        {
            EntryCodec.WriteNotes(writer, file!.ContentType, file.Metadata);
        }
    }

    private static BigFsEntry Read(ref FieldReader reader, RelativePaths names, ref long lastTicks)
    {
        var parts = (Parts)reader.Byte();
        if ((parts & ~Parts.All) != 0 || (!parts.HasFlag(Parts.File) && parts.HasFlag(Parts.Notes)))
        {
            throw reader.Damaged($"{(byte)parts} is no kind of entry");
        }

        int shared = reader.Count(BigFsPath.MaxPathBytes);
        BigFsPath path = names.TryNext(shared, reader.Bytes(BigFsPath.MaxPathBytes), out BigFsPath legal)
            ? legal
            : throw reader.Damaged("a name is not valid");
        DateTimeOffset created = Instant(ref reader, lastTicks);
        lastTicks = created.UtcTicks;
        DateTimeOffset modified = parts.HasFlag(Parts.Modified) ? Instant(ref reader, lastTicks) : created;
        if (!parts.HasFlag(Parts.File))
        {
            return new BigFsDirectory { Path = path, Created = created, Modified = modified };
        }

        var version = new BigFsVersion(reader.LongWord());
        long size = (long)Math.Min(reader.Unsigned(), long.MaxValue);
        uint crc32C = reader.Word();
        int replicas = reader.Count(Limits.MaxReplicas);
        string? contentType = null;
        ImmutableSortedDictionary<string, string> metadata = EntryCodec.NoMetadata;
        if (parts.HasFlag(Parts.Notes))
        {
            (contentType, metadata) = EntryCodec.ReadNotes(ref reader);
        }

        return new BigFsFile
        {
            Path = path,
            Created = created,
            Modified = modified,
            Version = version,
            Size = size,
            Crc32C = crc32C,
            Replicas = replicas,
            ContentType = contentType,
            Metadata = metadata,
        };
    }

    private static DateTimeOffset Instant(ref FieldReader reader, long baseTicks)
    {
        long ticks = unchecked(baseTicks + reader.Signed());
        return ticks >= 0 && ticks <= DateTimeOffset.MaxValue.UtcTicks
            ? new DateTimeOffset(ticks, TimeSpan.Zero)
            : throw reader.Damaged("a time is out of range");
    }
}

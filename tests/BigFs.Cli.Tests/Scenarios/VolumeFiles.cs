namespace BigFs.Cli.Tests.Scenarios;

/// <summary>Damages what datanodes keep, wherever and however they keep it.</summary>
internal static class VolumeFiles
{
    private const int Window = 64;

    /// <summary>Flips one bit in the middle of every place below the folder that holds these bytes of a file.</summary>
    /// <returns>How many places there were.</returns>
    public static int Flip(string folder, ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> wanted = content.Slice(content.Length / 2, Window);
        int flipped = 0;
        foreach (string path in Directory.EnumerateFiles(folder, "*.log", SearchOption.AllDirectories))
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            foreach (long position in Find(file, wanted))
            {
                file.Position = position;
                int value = file.ReadByte();
                file.Position = position;
                file.WriteByte((byte)(value ^ 0x10));
                flipped++;
            }
        }

        return flipped;
    }

    private static List<long> Find(FileStream file, ReadOnlySpan<byte> wanted)
    {
        List<long> found = [];
        byte[] buffer = new byte[(4 << 20) + Window];
        long start = 0;
        int kept = 0;
        for (int read; (read = file.Read(buffer, kept, buffer.Length - kept)) > 0;)
        {
            Span<byte> bytes = buffer.AsSpan(0, kept + read);
            for (int at = 0, next; (next = bytes[at..].IndexOf(wanted)) >= 0; at += next + 1)
            {
                found.Add(start + at + next);
            }

            // The end is looked at again, together with what follows it.
            kept = Math.Min(Window - 1, bytes.Length);
            start += bytes.Length - kept;
            bytes[^kept..].CopyTo(buffer);
        }

        return found;
    }
}

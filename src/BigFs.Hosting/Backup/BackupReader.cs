using System.Formats.Tar;

namespace BigFs.Hosting.Backup;

/// <summary>Reads backups.</summary>
internal static class BackupReader
{
    private const int MostManifestBytes = 1 << 20;

    /// <summary>Reads a backup to its end, checks every byte of it, and extracts what is asked for; not durable yet.</summary>
    /// <param name="backup">The file.</param>
    /// <param name="targets">Where each database goes that is wanted, by name; the files must not exist.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="BigFsException">
    /// DataUnreadable: it is no backup, damaged, cut off, of a newer version, or has not what is asked for.
    /// </exception>
    /// <exception cref="IOException">The backup cannot be read, or a target not be written.</exception>
    public static async Task<BackupManifest> ExtractAsync(
        string backup, IReadOnlyDictionary<string, string> targets, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, (long Length, string Sha256)>(StringComparer.Ordinal);
        BackupManifest? manifest = null;
        var stream = new FileStream(backup, FileMode.Open, FileAccess.Read, FileShare.Read);
        await using (stream.ConfigureAwait(false))
        {
            var tar = new TarReader(stream);
            await using (tar.ConfigureAwait(false))
            {
                while (manifest is null && await NextAsync(tar, backup, cancellationToken).ConfigureAwait(false) is { } entry)
                {
                    if (entry.Name == BackupManifest.Name)
                    {
                        manifest = await ParseAsync(entry, backup, cancellationToken).ConfigureAwait(false);
                    }
                    else if (!found.TryAdd(
                        entry.Name,
                        await TakeAsync(entry, targets.GetValueOrDefault(entry.Name), backup, cancellationToken).ConfigureAwait(false)))
                    {
                        throw BackupManifest.Unreadable(backup, $"it holds \"{entry.Name}\" twice");
                    }
                }
            }
        }

        Compare(manifest ?? throw BackupManifest.Unreadable(backup, "it was cut off"), found, targets, backup);
        return manifest;
    }

    private static void Compare(
        BackupManifest manifest,
        Dictionary<string, (long Length, string Sha256)> found,
        IReadOnlyDictionary<string, string> targets,
        string backup)
    {
        foreach (BackupMember file in manifest.Files)
        {
            if (!found.TryGetValue(file.Name, out (long Length, string Sha256) one) || one != (file.Length, file.Sha256))
            {
                throw BackupManifest.Unreadable(backup, $"\"{file.Name}\" in it is damaged");
            }
        }

        foreach (string name in targets.Keys)
        {
            if (!manifest.Files.Any(file => file.Name == name))
            {
                throw BackupManifest.Unreadable(backup, $"it holds no \"{name}\"");
            }
        }
    }

    private static async Task<TarEntry?> NextAsync(TarReader tar, string backup, CancellationToken cancellationToken)
    {
        try
        {
            return await tar.GetNextEntryAsync(copyData: false, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or FormatException
            or ArgumentException)
        {
            throw BackupManifest.Unreadable(backup, "it is no tar file, or damaged");
        }
    }

    private static async Task<BackupManifest> ParseAsync(TarEntry entry, string backup, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        if (entry.Length is 0 or > MostManifestBytes || entry.DataStream is not { } data)
        {
            throw BackupManifest.Unreadable(backup, "its list of contents cannot be read");
        }

        await ReadAsync(() => data.CopyToAsync(bytes, cancellationToken), backup).ConfigureAwait(false);
        return BackupManifest.Parse(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), backup);
    }

    private static async Task<(long Length, string Sha256)> TakeAsync(
        TarEntry entry, string? target, string backup, CancellationToken cancellationToken)
    {
        if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || entry.DataStream is not { } data)
        {
            throw BackupManifest.Unreadable(backup, $"\"{entry.Name}\" in it is no file with content");
        }

        using var hashing = new HashingStream(data);
        Stream to = target is null ? Stream.Null : new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        await using (to.ConfigureAwait(false))
        {
            await ReadAsync(() => hashing.CopyToAsync(to, 1 << 20, cancellationToken), backup).ConfigureAwait(false);
        }

        return (entry.Length, Convert.ToHexStringLower(hashing.Sum()));
    }

    private static async Task ReadAsync(Func<Task> read, string backup)
    {
        try
        {
            await read().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is EndOfStreamException or InvalidDataException)
        {
            throw BackupManifest.Unreadable(backup, "it was cut off");
        }
    }
}

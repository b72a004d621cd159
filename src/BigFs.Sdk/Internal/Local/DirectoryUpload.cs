namespace BigFs.Internal.Local;

/// <summary>Uploads a local directory, several files at once.</summary>
internal static class DirectoryUpload
{
    private static readonly EnumerationOptions Everything = new()
    {
        AttributesToSkip = 0,
        IgnoreInaccessible = false,
        RecurseSubdirectories = false,
        ReturnSpecialDirectories = false,
    };

    /// <summary>Runs the upload.</summary>
    public static async Task<IReadOnlyList<FileTransferResult>> RunAsync(
        IBigFsClient client,
        BigFsPath directory,
        string localDirectory,
        UploadDirectoryOptions options,
        CancellationToken cancellationToken)
    {
        OptionChecks.Within(directory, nameof(options.Parallelism), options.Parallelism, 1, OptionChecks.MaxConcurrency);
        var root = new DirectoryInfo(localDirectory);
        if (!root.Exists)
        {
            throw new DirectoryNotFoundException($"There is no directory \"{root.FullName}\".");
        }

        var results = new TransferResults(options.Progress, options.BytesProgress);
        await Parallel.ForEachAsync(
            Walk(root, directory, results),
            new ParallelOptions { MaxDegreeOfParallelism = options.Parallelism, CancellationToken = cancellationToken },
            async (item, token) => await results.RunAsync(
                item.Path,
                item.Local.FullName,
                async () =>
                {
                    if (item.Local is DirectoryInfo)
                    {
                        await client.CreateDirectoryAsync(item.Path, token).ConfigureAwait(false);
                        return (null, null);
                    }

                    UploadOptions file = (options.Upload ?? new UploadOptions()).With(results.OneFile(options.Upload?.Progress));
                    UploadResult uploaded = await client
                        .UploadFileAsync(item.Path, item.Local.FullName, file, token).ConfigureAwait(false);
                    return (uploaded.File, uploaded.Receipt);
                },
                token).ConfigureAwait(false)).ConfigureAwait(false);
        return results.All;
    }

    /// <summary>
    /// The files, and the directories that nothing else would make, found as they are needed; what is left out becomes a
    /// result.
    /// </summary>
    private static IEnumerable<(BigFsPath Path, FileSystemInfo Local)> Walk(
        DirectoryInfo root, BigFsPath directory, TransferResults results)
    {
        var waiting = new Stack<(DirectoryInfo Local, BigFsPath Path)>([(root, directory)]);
        while (waiting.TryPop(out (DirectoryInfo Local, BigFsPath Path) next))
        {
            FileSystemInfo[] entries;
            try
            {
                entries = next.Local.GetFileSystemInfos("*", Everything);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                results.Add(new FileTransferResult { LocalPath = next.Local.FullName, Path = next.Path, Error = exception });
                continue;
            }

            bool isEmpty = true;
            foreach (FileSystemInfo entry in entries)
            {
                if (Judge(entry, next.Path) is { } left)
                {
                    results.Add(left);
                    continue;
                }

                isEmpty = false;
                if (entry is DirectoryInfo below)
                {
                    waiting.Push((below, next.Path / below.Name));
                }
                else
                {
                    yield return (next.Path / entry.Name, entry);
                }
            }

            if (isEmpty)
            {
                yield return (next.Path, next.Local);
            }
        }
    }

    /// <summary>The result of an entry that is not transferred; null when it is.</summary>
    private static FileTransferResult? Judge(FileSystemInfo entry, BigFsPath parent)
    {
        var left = new FileTransferResult { LocalPath = entry.FullName };
        try
        {
            left = left with { Path = parent / entry.Name };
            return entry.LinkTarget is not null || entry.Attributes.HasFlag(FileAttributes.ReparsePoint)
                ? left with { Skipped = "a symbolic link" }
                : LocalKinds.IsSpecial(entry.FullName)
                    ? left with { Skipped = "a device, socket or pipe" }
                    : null;
        }
        catch (Exception exception) when (exception is BigFsException or IOException or UnauthorizedAccessException)
        {
            // The name cannot be one in BigFS, or the entry cannot be looked at.
            return left with { Error = exception };
        }
    }
}

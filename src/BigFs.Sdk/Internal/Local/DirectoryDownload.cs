using System.Runtime.CompilerServices;

namespace BigFs.Internal.Local;

/// <summary>Downloads a directory into a local one, several files at once.</summary>
internal static class DirectoryDownload
{
    /// <summary>Runs the download.</summary>
    public static async Task<IReadOnlyList<FileTransferResult>> RunAsync(
        IBigFsClient client,
        BigFsPath directory,
        string localDirectory,
        DownloadDirectoryOptions options,
        CancellationToken cancellationToken)
    {
        OptionChecks.Within(directory, nameof(options.Parallelism), options.Parallelism, 1, OptionChecks.MaxConcurrency);
        var results = new TransferResults(options.Progress, options.BytesProgress);
        await Parallel.ForEachAsync(
            WalkAsync(client, directory, Path.GetFullPath(localDirectory), results, cancellationToken),
            new ParallelOptions { MaxDegreeOfParallelism = options.Parallelism, CancellationToken = cancellationToken },
            async (item, token) => await results.RunAsync(
                item.Path,
                item.Local,
                async () =>
                {
                    DownloadOptions file = (options.Download ?? new DownloadOptions()).With(results.OneFile(options.Download?.Progress));
                    return (await LocalFiles.ReplaceAsync(
                        item.Local, destination => client.DownloadAsync(item.Path, destination, file, token)).ConfigureAwait(false), null);
                },
                token).ConfigureAwait(false)).ConfigureAwait(false);
        return results.All;
    }

    /// <summary>The files, found as they are needed, their local directories made; what is refused becomes a result.</summary>
    private static async IAsyncEnumerable<(BigFsPath Path, string Local)> WalkAsync(
        IBigFsClient client,
        BigFsPath root,
        string localRoot,
        TransferResults results,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var waiting = new Stack<(BigFsPath Path, string Local)>([(root, localRoot)]);
        while (waiting.TryPop(out (BigFsPath Path, string Local) next))
        {
            bool isRoot = next.Path == root;
            var names = new HashSet<string>(LocalNames.FoldsCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
            IAsyncEnumerator<BigFsEntry> entries =
                client.ListAsync(next.Path, options: null, cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (entries.ConfigureAwait(false))
            {
                bool made = false;
                while (true)
                {
                    BigFsEntry entry;
                    try
                    {
                        bool more = await entries.MoveNextAsync().ConfigureAwait(false);
                        if (!made)
                        {
                            // Once the cluster has said that there is such a directory.
                            MakeDirectory(next.Local, isRoot);
                            made = true;
                        }

                        if (!more)
                        {
                            break;
                        }

                        entry = entries.Current;
                    }
                    catch (Exception exception) when (!isRoot && !cancellationToken.IsCancellationRequested)
                    {
                        results.Add(new FileTransferResult { Path = next.Path, LocalPath = next.Local, Error = exception });
                        break;
                    }

                    if (Refusal(entry, next.Path, next.Local, names) is { } refused)
                    {
                        results.Add(refused);
                    }
                    else if (entry is BigFsDirectory)
                    {
                        waiting.Push((entry.Path, Path.Combine(next.Local, entry.Path.Name)));
                    }
                    else
                    {
                        yield return (entry.Path, Path.Combine(next.Local, entry.Path.Name));
                    }
                }
            }
        }
    }

    /// <summary>The result of an entry that must not be written here; null when it may.</summary>
    private static FileTransferResult? Refusal(BigFsEntry entry, BigFsPath parent, string local, HashSet<string> names)
    {
        string name = entry.Path.Name;
        string? problem = entry.Path.Parent != parent
            ? "does not lie in the directory that was listed"
            : LocalNames.Problem(name, OperatingSystem.IsWindows())
                ?? (names.Add(name) ? null : "falls together with another name, which differs in case only");
        return problem is null
            ? null
            : new FileTransferResult
            {
                Path = entry.Path,
                LocalPath = local,
                Error = new BigFsException(
                    BigFsErrorCode.InvalidPath, $"\"{entry.Path}\" is not downloaded to \"{local}\": its name {problem}.")
                {
                    Path = entry.Path.ToString(),
                },
            };
    }

    private static void MakeDirectory(string local, bool isRoot)
    {
        // The root is the caller's choice; below it a link would lead what the cluster names out of the folder.
        var directory = new DirectoryInfo(local);
        if (!isRoot && directory.LinkTarget is not null)
        {
            throw new IOException($"\"{local}\" is a symbolic link: nothing is written through it.");
        }

        directory.Create();
    }
}

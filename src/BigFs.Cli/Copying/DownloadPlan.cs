using System.Runtime.CompilerServices;
using BigFs.Cli.Commands;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Copying;

/// <summary>Finds what a download consists of, a directory's files one by one as they are listed.</summary>
internal static class DownloadPlan
{
    public static async IAsyncEnumerable<CopyItem> MakeAsync(
        CommandContext context, CopyRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool toStandard = request.Destination == CopyRequest.Standard;
        bool isInto = !toStandard
            && (Path.EndsInDirectorySeparator(request.Destination) || Directory.Exists(request.Destination));
        if (request.Sources.Count > 1 && !isInto && !toStandard)
        {
            throw new UsageException($"Several sources need a folder: end \"{request.Destination}\" with '/'.");
        }

        foreach (string source in request.Sources)
        {
            BigFsPath remote = RemotePath.Parse(source).Path;
            BigFsEntry? entry = await context.Client.FindAsync(remote, cancellationToken);
            string local = toStandard ? CopyRequest.Standard : Path.GetFullPath(request.Destination);
            if (isInto && !remote.IsRoot)
            {
                local = Path.Combine(local, LocalName(remote.Name));
            }

            Exception? obstacle = Obstacle(entry, remote, request.Recursive, toStandard, local);
            if (obstacle is not null || entry is BigFsFile)
            {
                yield return new CopyItem { Local = local, Remote = remote, Length = (entry as BigFsFile)?.Size, Obstacle = obstacle };
                continue;
            }

            await foreach (CopyItem item in FromDirectoryAsync(context.Client, remote, local, cancellationToken))
            {
                yield return item;
            }
        }
    }

    private static Exception? Obstacle(BigFsEntry? entry, BigFsPath remote, bool recursive, bool toStandard, string local) => entry switch
    {
        null => RemoteArguments.Missing(remote),
        BigFsDirectory when !recursive || toStandard => new BigFsException(
            BigFsErrorCode.IsDirectory,
            toStandard ? $"\"{remote}\" is a directory: only a file goes to standard output."
                : $"\"{remote}\" is a directory: add -r to copy it with all it holds.")
        {
            Path = remote.ToString(),
        },
        BigFsFile when Directory.Exists(local) => new IOException($"\"{local}\" is a folder, a file cannot replace it."),
        _ => null,
    };

    private static async IAsyncEnumerable<CopyItem> FromDirectoryAsync(
        IBigFsClient client, BigFsPath directory, string folder, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new CopyItem { Local = folder, Remote = directory, IsDirectory = true };
        await foreach (BigFsEntry entry in client.ListAsync(directory, null, cancellationToken))
        {
            if (!IsLocalName(entry.Path.Name))
            {
                yield return new CopyItem
                {
                    Local = folder,
                    Remote = entry.Path,
                    Obstacle = new IOException($"\"{entry.Path}\" cannot be the name of a local file here."),
                };
            }
            else if (entry is BigFsFile file)
            {
                string local = Path.Combine(folder, entry.Path.Name);
                yield return new CopyItem
                {
                    Local = local,
                    Remote = entry.Path,
                    Length = file.Size,
                    Obstacle = Obstacle(file, entry.Path, true, false, local),
                };
            }
            else
            {
                await foreach (CopyItem item in FromDirectoryAsync(
                    client, entry.Path, Path.Combine(folder, entry.Path.Name), cancellationToken))
                {
                    yield return item;
                }
            }
        }
    }

    private static string LocalName(string name) => IsLocalName(name)
        ? name
        : throw new UsageException($"\"{name}\" cannot be the name of a local file here: give the whole destination.");

    /// <summary>A name from outside must not lead out of the folder: on Windows it may hold '\' or ':'.</summary>
    private static bool IsLocalName(string name) => name.IndexOfAny(Path.GetInvalidFileNameChars()) < 0;
}

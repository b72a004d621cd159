using System.Runtime.CompilerServices;
using BigFs.Cli.Commands;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Copying;

/// <summary>Chooses where each source of a download goes.</summary>
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

        string destination = toStandard ? CopyRequest.Standard : Path.GetFullPath(request.Destination);
        foreach (string source in request.Sources)
        {
            BigFsPath remote = RemotePath.Parse(source).Path;
            BigFsEntry? entry = await context.Client.FindAsync(remote, cancellationToken);
            yield return new CopyItem
            {
                Local = isInto && !remote.IsRoot ? Path.Join(destination, remote.Name) : destination,
                Remote = remote,
                IsFolder = entry is BigFsDirectory,
                Length = (entry as BigFsFile)?.Size,
                Obstacle = Obstacle(entry, remote, request.Recursive, toStandard),
            };
        }
    }

    private static BigFsException? Obstacle(BigFsEntry? entry, BigFsPath remote, bool recursive, bool toStandard) => entry switch
    {
        null => RemoteArguments.Missing(remote),
        BigFsDirectory when !recursive || toStandard => new BigFsException(
            BigFsErrorCode.IsDirectory,
            toStandard ? $"\"{remote}\" is a directory: only a file goes to standard output."
                : $"\"{remote}\" is a directory: add -r to copy it with all it holds.")
        {
            Path = remote.ToString(),
        },
        _ => null,
    };
}

using System.Runtime.CompilerServices;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Copying;

/// <summary>Finds what an upload consists of, a folder's files one by one as they are found.</summary>
internal static class UploadPlan
{
    public static async IAsyncEnumerable<CopyItem> MakeAsync(
        CommandContext context, CopyRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        RemotePath destination = RemotePath.Parse(request.Destination);
        bool isInto = destination.IsFolder
            || await context.Client.FindAsync(destination.Path, cancellationToken) is BigFsDirectory;
        if (request.Sources.Count > 1 && !isInto)
        {
            throw new UsageException($"Several sources need a directory: end \"{request.Destination}\" with '/'.");
        }

        foreach (string source in request.Sources)
        {
            if (source == CopyRequest.Standard)
            {
                yield return FromStandardInput(context, destination, isInto);
                continue;
            }

            string local = Path.GetFullPath(source);
            BigFsPath remote = isInto ? destination.Path / LocalName(local) : destination.Path;
            if (!Directory.Exists(local))
            {
                yield return FromFile(local, remote, source);
                continue;
            }

            if (!request.Recursive)
            {
                yield return new CopyItem
                {
                    Local = local,
                    Remote = remote,
                    Obstacle = new UsageException($"\"{source}\" is a folder: add -r to copy it with all it holds."),
                };
                continue;
            }

            foreach (CopyItem item in FromFolder(new DirectoryInfo(local), remote))
            {
                yield return item;
            }
        }
    }

    private static CopyItem FromStandardInput(CommandContext context, RemotePath destination, bool isInto)
    {
        if (context.InShell)
        {
            throw new UsageException("\"-\" cannot be a source in the shell: its standard input is the shell's.");
        }

        return isInto
            ? throw new UsageException("Standard input has no name: give the whole path of the file.")
            : new CopyItem { Local = CopyRequest.Standard, Remote = destination.Path };
    }

    private static CopyItem FromFile(string local, BigFsPath remote, string asWritten)
    {
        var file = new FileInfo(local);
        return new CopyItem
        {
            Local = local,
            Remote = remote,
            Length = file.Exists ? file.Length : null,
            Obstacle = file.Exists ? null : new FileNotFoundException($"There is no local file \"{asWritten}\"."),
        };
    }

    private static IEnumerable<CopyItem> FromFolder(DirectoryInfo folder, BigFsPath remote)
    {
        yield return new CopyItem { Local = folder.FullName, Remote = remote, IsDirectory = true };
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            BigFsPath target = remote;
            BigFsException? illegal = null;
            try
            {
                target = remote / entry.Name;
            }
            catch (BigFsException exception)
            {
                illegal = exception;
            }

            if (illegal is not null)
            {
                yield return new CopyItem { Local = entry.FullName, Remote = remote, Obstacle = illegal };
            }
            else if (entry is FileInfo file)
            {
                yield return FromFile(file.FullName, target, file.FullName);
            }
            else if (entry.LinkTarget is not null)
            {
                // Followed, a link to a folder above would never end.
                yield return new CopyItem
                {
                    Local = entry.FullName,
                    Remote = target,
                    Obstacle = new IOException($"\"{entry.FullName}\" is a link to a folder and was left out."),
                };
            }
            else
            {
                foreach (CopyItem item in FromFolder((DirectoryInfo)entry, target))
                {
                    yield return item;
                }
            }
        }
    }

    private static string LocalName(string local)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(local));
        return name.Length > 0 ? name : throw new UsageException($"\"{local}\" has no name: give the whole destination.");
    }
}

using System.Runtime.CompilerServices;
using BigFs.Cli.Errors;
using BigFs.Cli.Paths;

namespace BigFs.Cli.Copying;

/// <summary>Chooses where each source of an upload goes.</summary>
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
            yield return source == CopyRequest.Standard
                ? FromStandardInput(context, destination, isInto)
                : FromPath(source, destination, isInto, request.Recursive);
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

    private static CopyItem FromPath(string source, RemotePath destination, bool isInto, bool recursive)
    {
        string local = Path.GetFullPath(source);
        bool isFolder = Directory.Exists(local);
        var file = new FileInfo(local);
        var item = new CopyItem
        {
            Local = local,
            Remote = destination.Path,
            IsFolder = isFolder,
            Length = file.Exists ? file.Length : null,
            Obstacle = isFolder && !recursive
                ? new UsageException($"\"{source}\" is a folder: add -r to copy it with all it holds.")
                : isFolder || file.Exists ? null
                : new FileNotFoundException($"There is no local file \"{source}\"."),
        };
        if (!isInto)
        {
            return item;
        }

        try
        {
            return item with { Remote = destination.Path / NameOf(local) };
        }
        catch (BigFsException exception)
        {
            // The local name cannot be one in BigFS: this source fails, the others go.
            return item with { Obstacle = item.Obstacle ?? exception };
        }
    }

    private static string NameOf(string local)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(local));
        return name.Length > 0 ? name : throw new UsageException($"\"{local}\" has no name: give the whole destination.");
    }
}

namespace BigFs.Core.Metadata;

/// <summary>Whether a file may be put where a path leads: one rule for every engine.</summary>
internal static class CommitTarget
{
    /// <summary>Checks it.</summary>
    /// <param name="path">The file's path.</param>
    /// <param name="precondition">What the caller expects there.</param>
    /// <param name="entry">What stands there; null for nothing.</param>
    /// <param name="fileAbove">A file that stands in the way above it; null for none.</param>
    /// <exception cref="BigFsException">NotDirectory, IsDirectory, AlreadyExists, NotFound, PreconditionFailed.</exception>
    public static void Check(BigFsPath path, Precondition precondition, EntryRow? entry, BigFsPath? fileAbove)
    {
        if (fileAbove is { } file)
        {
            throw MetadataErrors.NotDirectory(path, file);
        }

        if (entry is { IsDirectory: true })
        {
            throw MetadataErrors.IsDirectory(path);
        }

        switch (precondition.Kind)
        {
            case PreconditionKind.Absent when entry is not null:
                throw MetadataErrors.AlreadyExists(path);
            case PreconditionKind.Version when entry is null:
                throw MetadataErrors.NotFound(path);
            case PreconditionKind.Version when entry.FileVersion != precondition.Version:
                throw MetadataErrors.PreconditionFailed(path, precondition.Version, entry.FileVersion);
            default:
                break;
        }
    }
}

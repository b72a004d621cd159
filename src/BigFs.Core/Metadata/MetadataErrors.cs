namespace BigFs.Core.Metadata;

/// <summary>The namespace's refusals, the same words from every engine: each names the path and what would be right.</summary>
public static class MetadataErrors
{
    /// <summary>Nothing is there.</summary>
    public static BigFsException NotFound(BigFsPath path) =>
        Make(BigFsErrorCode.NotFound, path, $"Nothing exists at \"{path}\".");

    /// <summary>A directory stands where a file is expected.</summary>
    public static BigFsException IsDirectory(BigFsPath path) =>
        Make(BigFsErrorCode.IsDirectory, path, $"\"{path}\" is a directory; name a file.");

    /// <summary>A file stands where a directory is expected, at the path or above it.</summary>
    public static BigFsException NotDirectory(BigFsPath path, BigFsPath file) =>
        Make(
            BigFsErrorCode.NotDirectory,
            path,
            path == file ? $"\"{path}\" is a file; name a directory." : $"\"{path}\" cannot exist: \"{file}\" is a file.");

    /// <summary>Something is there already.</summary>
    public static BigFsException AlreadyExists(BigFsPath path) =>
        Make(
            BigFsErrorCode.AlreadyExists,
            path,
            $"Something exists at \"{path}\" already; choose another name, or ask to overwrite a file.");

    /// <summary>The directory has entries.</summary>
    public static BigFsException DirectoryNotEmpty(BigFsPath path) =>
        Make(
            BigFsErrorCode.DirectoryNotEmpty, path, $"The directory \"{path}\" is not empty; delete it recursively.");

    /// <summary>The file has another version than the caller named.</summary>
    public static BigFsException PreconditionFailed(BigFsPath path, BigFsVersion wanted, BigFsVersion? found) =>
        Make(
            BigFsErrorCode.PreconditionFailed,
            path,
            found is { } version
                ? $"\"{path}\" has version {version}, not {wanted}: it was changed since."
                : $"\"{path}\" is a directory and has no version {wanted}.");

    /// <summary>The root stays where it is.</summary>
    public static BigFsException RootStays(string what) =>
        Make(BigFsErrorCode.InvalidPath, BigFsPath.Root, $"The root \"/\" cannot be {what}; name an entry below it.");

    /// <summary>A directory cannot come to lie below itself.</summary>
    public static BigFsException IntoItself(BigFsPath source, BigFsPath destination) =>
        Make(
            BigFsErrorCode.InvalidPath,
            destination,
            $"\"{source}\" cannot be moved to \"{destination}\", which lies below it.");

    /// <summary>The session is over.</summary>
    public static BigFsException SessionExpired(Guid session, string why) =>
        new(BigFsErrorCode.SessionExpired, $"The upload session {session:N} {why}; begin the upload anew.");

    /// <summary>The session is of the other kind.</summary>
    public static BigFsException WrongSession(Guid session, bool shared) =>
        new(
            BigFsErrorCode.InvalidArgument,
            shared
                ? $"The session {session:N} is shared by many small files; an upload commits one of its own."
                : $"The session {session:N} belongs to one upload; a small file is committed under a shared one.");

    /// <summary>The file was given up before its commit came.</summary>
    public static BigFsException OperationAborted(BigFsPath path) =>
        Make(BigFsErrorCode.SessionExpired, path, $"The upload of \"{path}\" was aborted; begin it anew.");

    /// <summary>A manifest names a chunk that is being deleted.</summary>
    public static BigFsException ChunkDeleted(Model.ChunkReference chunk) =>
        new(
            BigFsErrorCode.ChunkDeleted,
            $"The deletion of chunk {chunk.Key} in volume {chunk.Volume} is recorded; no file can name it any more: upload the content anew.");

    /// <summary>A version is no longer kept.</summary>
    public static BigFsException VersionExpired(BigFsVersion version) =>
        new(
            BigFsErrorCode.VersionExpired,
            $"Version {version} was replaced or deleted and its read lease has ended: open the file again.");

    /// <summary>A page of a long manifest came out of turn.</summary>
    public static BigFsException StagedOutOfOrder(Guid session, int first, int staged) =>
        new(
            BigFsErrorCode.InvalidArgument,
            $"The upload session {session:N} has {staged} staged chunks; {first} cannot be where the next ones begin, or where its commit does.");

    /// <summary>A deletion goes on to its end.</summary>
    public static BigFsException DeletionStays(Guid job) =>
        new(BigFsErrorCode.InvalidArgument, $"The job {job:N} is a deletion; what was deleted is not called back.");

    /// <summary>A move brought an entry deeper than a path can name.</summary>
    public static BigFsException TooDeep(BigFsPath directory, string name, Exception inner) =>
        new(
            BigFsErrorCode.InvalidPath,
            $"\"{name}\" in \"{directory}\" cannot be named: {inner.Message} Move the directory to a shorter path.",
            inner)
        {
            Path = directory.ToString(),
        };

    /// <summary>An operation id came again with something else.</summary>
    public static BigFsException OperationReused(Guid operation) =>
        new(
            BigFsErrorCode.InvalidArgument,
            $"The operation id {operation:N} was used for another kind of operation; use a new one for each.");

    private static BigFsException Make(BigFsErrorCode code, BigFsPath path, string message) =>
        new(code, message) { Path = path.ToString() };
}

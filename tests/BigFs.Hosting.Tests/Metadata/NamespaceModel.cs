using BigFs.Core.Metadata;
using BigFs.Core.Model;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>A namespace as plainly as it can be written: a dictionary of paths. Answers are null or the refusal's code.</summary>
internal sealed class NamespaceModel
{
    private readonly Dictionary<BigFsPath, (BigFsVersion Version, ChunkKey[] Chunks)?> _entries = new()
    {
        [BigFsPath.Root] = null,
    };

    /// <summary>Chunks of files that were replaced or deleted.</summary>
    public List<ulong> Buried { get; } = [];

    public IEnumerable<BigFsPath> Paths => _entries.Keys.Order();

    public bool Exists(BigFsPath path) => _entries.ContainsKey(path);

    public bool IsDirectory(BigFsPath path) => _entries.TryGetValue(path, out var entry) && entry is null;

    public bool IsFile(BigFsPath path) => _entries.TryGetValue(path, out var entry) && entry is not null;

    public BigFsVersion? Version(BigFsPath path) => IsFile(path) ? _entries[path]!.Value.Version : null;

    public ChunkKey[] Chunks(BigFsPath path) => _entries[path]!.Value.Chunks;

    public BigFsErrorCode? CanPut(BigFsPath path, Precondition wanted) => wanted.Kind switch
    {
        _ when FileAbove(path) => BigFsErrorCode.NotDirectory,
        _ when IsDirectory(path) => BigFsErrorCode.IsDirectory,
        PreconditionKind.Absent when Exists(path) => BigFsErrorCode.AlreadyExists,
        PreconditionKind.Version when !Exists(path) => BigFsErrorCode.NotFound,
        PreconditionKind.Version when Version(path) != wanted.Version => BigFsErrorCode.PreconditionFailed,
        _ => null,
    };

    public void Put(BigFsPath path, BigFsVersion version, ChunkKey[] chunks)
    {
        Bury(path);
        MakeDirectory(path.Parent);
        _entries[path] = (version, chunks);
    }

    public BigFsErrorCode? MakeDirectory(BigFsPath path)
    {
        if (IsFile(path) || FileAbove(path))
        {
            return BigFsErrorCode.NotDirectory;
        }

        for (; !Exists(path); path = path.Parent)
        {
            _entries[path] = null;
        }

        return null;
    }

    public (BigFsErrorCode? Refusal, bool Deleted) Delete(BigFsPath path, bool recursive)
    {
        if (path.IsRoot)
        {
            return (BigFsErrorCode.InvalidPath, false);
        }

        if (!Exists(path))
        {
            return (null, false);
        }

        BigFsPath[] below = Below(path);
        if (below.Length > 0 && !recursive)
        {
            return (BigFsErrorCode.DirectoryNotEmpty, false);
        }

        foreach (BigFsPath gone in below.Append(path))
        {
            Bury(gone);
            _entries.Remove(gone);
        }

        return (null, true);
    }

    public BigFsErrorCode? Move(BigFsPath source, BigFsPath destination, bool overwrite)
    {
        BigFsErrorCode? refusal = source.IsRoot || destination.IsRoot || destination.IsBelow(source) ? BigFsErrorCode.InvalidPath
            : !Exists(source) ? BigFsErrorCode.NotFound
            : source == destination ? null
            : IsDirectory(destination) || (Exists(destination) && !overwrite) ? BigFsErrorCode.AlreadyExists
            : (IsFile(destination) && IsDirectory(source)) || FileAbove(destination) ? BigFsErrorCode.NotDirectory
            : null;
        if (refusal is not null || source == destination)
        {
            return refusal;
        }

        Bury(destination);
        foreach (BigFsPath from in Below(source).Append(source))
        {
            BigFsPath to = destination.ToString() + from.ToString()[source.ToString().Length..];
            _entries[to] = _entries[from];
            _entries.Remove(from);
        }

        MakeDirectory(destination.Parent);
        return null;
    }

    public string[] Names(BigFsPath directory) =>
        [.. Below(directory).Where(path => path.Parent == directory).Order().Select(path => path.Name)];

    private bool FileAbove(BigFsPath path) => _entries.Keys.Any(one => path.IsBelow(one) && IsFile(one));

    private BigFsPath[] Below(BigFsPath path) => [.. _entries.Keys.Where(one => one.IsBelow(path))];

    private void Bury(BigFsPath path)
    {
        if (IsFile(path))
        {
            Buried.AddRange(Chunks(path).Select(chunk => chunk.Value));
        }
    }
}

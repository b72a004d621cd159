using System.Collections.Immutable;
using System.Text;
using BigFs.Core.Metadata;

namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>
/// A namespace as plainly as it can be written: a map of paths, never changed. What the real one draws by lot (versions,
/// and times unless a clock is given) is taken over from the first answer that shows it, and must stay.
/// </summary>
internal sealed class NamespaceTree : IEquatable<NamespaceTree>
{
    private readonly ImmutableSortedDictionary<BigFsPath, Node> _entries;
    private int? _hash;

    private NamespaceTree(ImmutableSortedDictionary<BigFsPath, Node> entries) => _entries = entries;

    /// <summary>Nothing but the root.</summary>
    public static NamespaceTree Empty { get; } =
        new(ImmutableSortedDictionary<BigFsPath, Node>.Empty.Add(BigFsPath.Root, new Node()));

    public IEnumerable<BigFsPath> Paths => _entries.Keys;

    /// <summary>The files' contents.</summary>
    public IEnumerable<FileBody> Bodies => _entries.Values.Where(node => node.Body is not null).Select(node => node.Body!);

    /// <summary>The files and what is in them.</summary>
    public IEnumerable<(BigFsPath Path, FileBody Body)> Files =>
        _entries.Where(one => one.Value.Body is not null).Select(one => (one.Key, one.Value.Body!));

    /// <summary>Whether something stands there.</summary>
    public bool Exists(BigFsPath path) => _entries.ContainsKey(path);

    /// <summary>Whether a directory stands there.</summary>
    public bool IsDirectory(BigFsPath path) => _entries.TryGetValue(path, out Node? node) && node.Body is null;

    public bool IsFile(BigFsPath path) => _entries.TryGetValue(path, out Node? node) && node.Body is not null;

    public BigFsVersion? Version(BigFsPath path) => _entries.GetValueOrDefault(path)?.Version;

    /// <summary>Makes the directory and its parents; there must be no file on the way.</summary>
    public NamespaceTree WithDirectory(BigFsPath path, long? now = null)
    {
        ImmutableSortedDictionary<BigFsPath, Node>.Builder entries = _entries.ToBuilder();
        for (; !entries.ContainsKey(path); path = path.Parent)
        {
            entries[path] = new Node { Created = now, Modified = now };
        }

        return new NamespaceTree(entries.ToImmutable());
    }

    /// <summary>This and what the others have beside it.</summary>
    public NamespaceTree With(IEnumerable<NamespaceTree> others) => new(_entries.SetItems(others.SelectMany(other => other._entries)));

    /// <summary>
    /// The namespace after a call that was answered so; null when that cannot be. An answer that nobody knows (null) is
    /// taken for the one that the call would get now.
    /// </summary>
    /// <param name="call">The call.</param>
    /// <param name="answer">What its client was told; null when it was told nothing.</param>
    /// <param name="now">The clock's ticks; null when they are not known.</param>
    /// <param name="defaultReplicas">Replicas of a file that asked for no number.</param>
    public NamespaceTree? After(Call call, Answer? answer, long? now = null, int defaultReplicas = 2)
    {
        if (call is PutCall { Session: not null } && answer?.Refusal == BigFsErrorCode.SessionExpired)
        {
            return this;
        }

        if (Refusal(call) is { } refusal)
        {
            return answer is null || answer.Refusal == refusal ? this : null;
        }

        if (answer?.Refusal is not null)
        {
            return null;
        }

        return call switch
        {
            FindCall find => answer is null ? this : AfterFind(find, answer),
            ListCall list => answer is null ? this : AfterList(list, answer),
            BeginCall => this,
            PutCall put => AfterPut(put, answer, now, defaultReplicas),
            MakeDirectoryCall make => WithDirectory(make.Path, now),
            DeleteCall delete => AfterDelete(delete, answer),
            MoveCall move => AfterMove(move, answer, now),
            _ => throw new ArgumentOutOfRangeException(nameof(call), call, "an unknown call"),
        };
    }

    /// <summary>Why the call is refused now; null when it is not.</summary>
    public BigFsErrorCode? Refusal(Call call) => call switch
    {
        FindCall => null,
        ListCall list => FileAbove(list.Directory) || IsFile(list.Directory) ? BigFsErrorCode.NotDirectory
            : !Exists(list.Directory) ? BigFsErrorCode.NotFound
            : null,
        BeginCall begin => CanPut(begin.Path, begin.Precondition),
        PutCall put => CanPut(put.Path, put.Precondition),
        MakeDirectoryCall make => IsFile(make.Path) || FileAbove(make.Path) ? BigFsErrorCode.NotDirectory : null,
        DeleteCall delete => delete.Path.IsRoot ? BigFsErrorCode.InvalidPath
            : !Exists(delete.Path) ? null
            : delete.Version is { } wanted && Version(delete.Path) != wanted ? BigFsErrorCode.PreconditionFailed
            : !delete.Recursive && Below(delete.Path).Any() ? BigFsErrorCode.DirectoryNotEmpty
            : null,
        MoveCall move => CanMove(move),
        _ => throw new ArgumentOutOfRangeException(nameof(call), call, "an unknown call"),
    };

    /// <summary>What stands below a directory, in the order of the paths.</summary>
    public IEnumerable<BigFsPath> Below(BigFsPath path) => _entries.Keys.Where(one => one.IsBelow(path));

    /// <summary>The bodies that would be gone with this entry.</summary>
    public IEnumerable<FileBody> BodiesAt(BigFsPath path) => _entries
        .Where(one => one.Value.Body is not null && (one.Key == path || one.Key.IsBelow(path))).Select(one => one.Value.Body!);

    /// <summary>The names in a directory, in the order of their bytes.</summary>
    public string[] Names(BigFsPath directory) =>
        [.. Below(directory).Where(path => path.Parent == directory).Select(path => path.Name).Order(ByBytes)];

    public bool Equals(NamespaceTree? other) =>
        ReferenceEquals(this, other) || (other is not null && _entries.Count == other._entries.Count
            && GetHashCode() == other.GetHashCode() && _entries.SequenceEqual(other._entries));

    public override bool Equals(object? obj) => Equals(obj as NamespaceTree);

    public override int GetHashCode() => _hash ??= _entries.Aggregate(0, (hash, one) => HashCode.Combine(hash, one.Key, one.Value));

    public override string ToString() => string.Join(
        ", ", _entries.Select(one => one.Value.Body is { } body ? $"{one.Key} {one.Value.Version} ({body})" : $"{one.Key}/"));

    private static Comparer<string> ByBytes { get; } = Comparer<string>.Create(
        (one, other) => Encoding.UTF8.GetBytes(one).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(other)));

    private bool FileAbove(BigFsPath path)
    {
        while (!path.IsRoot)
        {
            path = path.Parent;
            if (IsFile(path))
            {
                return true;
            }
        }

        return false;
    }

    private BigFsErrorCode? CanPut(BigFsPath path, Precondition wanted) => wanted.Kind switch
    {
        _ when FileAbove(path) => BigFsErrorCode.NotDirectory,
        _ when IsDirectory(path) => BigFsErrorCode.IsDirectory,
        PreconditionKind.Absent when Exists(path) => BigFsErrorCode.AlreadyExists,
        PreconditionKind.Version when !Exists(path) => BigFsErrorCode.NotFound,
        // A version that nobody has seen yet is none that a client could have named.
        PreconditionKind.Version when Version(path) != wanted.Version => BigFsErrorCode.PreconditionFailed,
        _ => null,
    };

    private BigFsErrorCode? CanMove(MoveCall move)
    {
        (BigFsPath source, BigFsPath destination) = (move.Source, move.Destination);
        return source.IsRoot || destination.IsRoot || destination.IsBelow(source) ? BigFsErrorCode.InvalidPath
            : !Exists(source) ? BigFsErrorCode.NotFound
            : source == destination ? null
            : IsDirectory(destination) || (Exists(destination) && !move.Overwrite) ? BigFsErrorCode.AlreadyExists
            : (IsFile(destination) && IsDirectory(source)) || FileAbove(destination) ? BigFsErrorCode.NotDirectory
            : null;
    }

    private NamespaceTree? AfterFind(FindCall find, Answer answer)
    {
        Node? node = _entries.GetValueOrDefault(find.Path);
        return (node, answer.Found) switch
        {
            (null, null) => this,
            ({ Body: null }, { Entry: BigFsDirectory } found) => Seen(find.Path, found.Entry),
            ({ Body: { } body }, { Entry: BigFsFile } found) => body.IsIn(found) ? Seen(find.Path, found.Entry) : null,
            _ => null,
        };
    }

    private NamespaceTree? AfterList(ListCall list, Answer answer)
    {
        BigFsPath[] paths = [.. Listed(list)];
        NamespaceTree? tree = this;
        bool isRight = answer.IsMore == paths.Length > list.Limit
            && answer.Page.Select(entry => entry.Path).SequenceEqual(paths.Take(list.Limit));
        foreach (BigFsEntry entry in isRight ? answer.Page : [])
        {
            tree = tree?.Seen(entry.Path, entry);
        }

        return isRight ? tree : null;
    }

    private IEnumerable<BigFsPath> Listed(ListCall list)
    {
        bool HasPrefix(string name) => name.StartsWith(list.Prefix, StringComparison.Ordinal);
        return list.Recursive
            ? Below(list.Directory).Order().Where(path => HasPrefix(path.Segments[list.Directory.Segments.Count])
                && (list.After.Length == 0 || path > Under(list.Directory, list.After)))
            : Names(list.Directory).Where(name => HasPrefix(name) && ByBytes.Compare(name, list.After) > 0)
                .Select(name => list.Directory / name);
    }

    private static BigFsPath Under(BigFsPath directory, string place) => $"{directory.ToString().TrimEnd('/')}/{place}";

    private NamespaceTree? AfterPut(PutCall put, Answer? answer, long? now, int defaultReplicas)
    {
        Node? old = _entries.GetValueOrDefault(put.Path);
        NamespaceTree parents = WithDirectory(put.Path.Parent, now);
        var node = new Node
        {
            Body = put.Body,
            Replicas = put.Body.Replicas == 0 ? defaultReplicas : put.Body.Replicas,
            Created = old is null ? now : old.Created,
            Modified = now,
        };
        var next = new NamespaceTree(parents._entries.SetItem(put.Path, node));
        return answer is null ? next
            : answer.Entry is BigFsFile file && file.Path == put.Path && file.Version != old?.Version ? next.Seen(put.Path, file)
            : null;
    }

    private NamespaceTree? AfterDelete(DeleteCall delete, Answer? answer)
    {
        if (answer is not null && answer.Deleted != Exists(delete.Path))
        {
            return null;
        }

        return Exists(delete.Path) ? new NamespaceTree(_entries.RemoveRange([.. Below(delete.Path), delete.Path])) : this;
    }

    private NamespaceTree? AfterMove(MoveCall move, Answer? answer, long? now)
    {
        NamespaceTree next = this;
        if (move.Source != move.Destination)
        {
            ImmutableSortedDictionary<BigFsPath, Node>.Builder entries = _entries.ToBuilder();
            BigFsPath[] moved = [.. Below(move.Source), move.Source];
            entries.RemoveRange(moved);
            foreach (BigFsPath from in moved)
            {
                entries[move.Destination.ToString() + from.ToString()[move.Source.ToString().Length..]] = _entries[from];
            }

            next = new NamespaceTree(entries.ToImmutable()).WithDirectory(move.Destination.Parent, now);
        }

        return answer is null ? next : answer.Entry is { } entry ? next.Seen(move.Destination, entry) : null;
    }

    /// <summary>Takes over what an entry shows; null when it is another one.</summary>
    private NamespaceTree? Seen(BigFsPath path, BigFsEntry entry)
    {
        Node node = _entries[path];
        bool isSame = entry.Path == path && entry is BigFsFile == (node.Body is not null)
            && (node.Created ?? entry.Created.UtcTicks) == entry.Created.UtcTicks
            && (node.Modified ?? entry.Modified.UtcTicks) == entry.Modified.UtcTicks;
        if (entry is BigFsFile file)
        {
            isSame &= node.Body?.Describes(file) == true && file.Replicas == node.Replicas
                && (node.Version ?? file.Version) == file.Version;
        }

        if (!isSame)
        {
            return null;
        }

        Node seen = node with
        {
            Version = (entry as BigFsFile)?.Version,
            Created = entry.Created.UtcTicks,
            Modified = entry.Modified.UtcTicks,
        };
        return seen == node ? this : new NamespaceTree(_entries.SetItem(path, seen));
    }

    private sealed record Node
    {
        /// <summary>Null for a directory.</summary>
        public FileBody? Body { get; init; }

        public int Replicas { get; init; }

        public BigFsVersion? Version { get; init; }

        public long? Created { get; init; }

        public long? Modified { get; init; }

        // A body is only one put's, so that it need not be compared.
        public bool Equals(Node? other) => other is not null && ReferenceEquals(Body, other.Body) && Version == other.Version
            && Replicas == other.Replicas && Created == other.Created && Modified == other.Modified;

        public override int GetHashCode() => HashCode.Combine(Body?.Crc32C, Body?.Size, Version, Created, Modified);
    }
}

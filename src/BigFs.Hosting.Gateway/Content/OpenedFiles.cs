using BigFs.Internal.Download;

namespace BigFs.Hosting.Gateway.Content;

/// <summary>
/// Versions of files that were read a moment ago, so that reading one by ranges opens it once. A version never changes; who may
/// read it was asked at the door. The least recently used go first. Thread-safe.
/// </summary>
internal sealed class OpenedFiles
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Key, LinkedListNode<(Key Key, PinnedFile File)>> _files = [];
    private readonly LinkedList<(Key Key, PinnedFile File)> _byUse = new();
    private long _bytes;

    /// <summary>Opens a version: without a question when it is named and known.</summary>
    /// <param name="client">Acts for the caller; what it opened serves it alone.</param>
    /// <param name="path">The path.</param>
    /// <param name="version">Null for the one that stands there.</param>
    /// <param name="maxStaleness">How old the answer may be when no version is named.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    public async ValueTask<PinnedFile> OpenAsync(
        BigFsClient client, BigFsPath path, BigFsVersion? version, TimeSpan maxStaleness, CancellationToken cancellationToken)
    {
        if (version is { } wanted && Find(new Key(client, path, wanted)) is { } known)
        {
            return known;
        }

        PinnedFile file = await client.OpenVersionAsync(path, version, maxStaleness, cancellationToken);
        Keep(new Key(client, path, file.File.Version), file);
        return file;
    }

    private PinnedFile? Find(Key key)
    {
        lock (_gate)
        {
            if (!_files.TryGetValue(key, out LinkedListNode<(Key Key, PinnedFile File)>? node))
            {
                return null;
            }

            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value.File;
        }
    }

    private void Keep(Key key, PinnedFile file)
    {
        lock (_gate)
        {
            if (_files.TryGetValue(key, out LinkedListNode<(Key Key, PinnedFile File)>? before))
            {
                RemoveNeedsGate(before);
            }

            _files[key] = _byUse.AddFirst((key, file));
            _bytes += file.Weight;
            while (_byUse.Count > 1 && (_byUse.Count > ContentLimits.MostOpened || _bytes > ContentLimits.MostOpenedBytes))
            {
                RemoveNeedsGate(_byUse.Last!);
            }
        }
    }

    private void RemoveNeedsGate(LinkedListNode<(Key Key, PinnedFile File)> node)
    {
        _byUse.Remove(node);
        _files.Remove(node.Value.Key);
        _bytes -= node.Value.File.Weight;
    }

    private readonly record struct Key(BigFsClient Client, BigFsPath Path, BigFsVersion Version);
}

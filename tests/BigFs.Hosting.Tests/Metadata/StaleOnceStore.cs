using System.Collections.Concurrent;
using System.Reflection;
using BigFs.Core.Metadata;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>
/// A client that breaks its promise on purpose: it finds a version of which somebody has already seen that it was replaced.
/// </summary>
internal class StaleOnceStore : DispatchProxy
{
    private IMetadataStore _store = null!;
    private StaleAnswer _answer = null!;

    /// <summary>A client over another one; those that share the answer give it once.</summary>
    public static IMetadataStore Over(IMetadataStore store, StaleAnswer answer)
    {
        IMetadataStore stale = Create<IMetadataStore, StaleOnceStore>();
        var proxy = (StaleOnceStore)(object)stale;
        (proxy._store, proxy._answer) = (store, answer);
        return stale;
    }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod!.Name == nameof(IMetadataStore.FindAsync)
            ? FindAsync((BigFsPath)args![0]!, (bool)args[1]!, (CancellationToken)args[2]!)
            : targetMethod.Invoke(_store, BindingFlags.DoNotWrapExceptions, null, args, null);

    private async ValueTask<MetadataEntry?> FindAsync(BigFsPath path, bool withManifest, CancellationToken cancellationToken)
    {
        if (_answer.TryTake(path) is { } stale)
        {
            return stale;
        }

        MetadataEntry? before = _answer.Seen(path);
        MetadataEntry? found = await _store.FindAsync(path, withManifest, cancellationToken);
        _answer.Note(path, before, found);
        return found;
    }
}

/// <summary>The one wrong answer: an entry, once a later find that began after it was seen has seen another.</summary>
/// <param name="within">Only paths that begin so: between those nothing is moved, so that no version comes back.</param>
internal sealed class StaleAnswer(string within)
{
    private readonly ConcurrentDictionary<BigFsPath, MetadataEntry?> _seen = new();
    private readonly ConcurrentDictionary<BigFsPath, MetadataEntry> _replaced = new();
    private int _isGiven;

    /// <summary>Whether it was given.</summary>
    public bool IsGiven => _isGiven != 0;

    public MetadataEntry? Seen(BigFsPath path) => _seen.GetValueOrDefault(path);

    public void Note(BigFsPath path, MetadataEntry? before, MetadataEntry? found)
    {
        _seen[path] = found;
        if (before?.Entry is BigFsFile file && file.Version != (found?.Entry as BigFsFile)?.Version
            && path.ToString().StartsWith(within, StringComparison.Ordinal))
        {
            _replaced[path] = before;
        }
    }

    public MetadataEntry? TryTake(BigFsPath path) =>
        _replaced.TryGetValue(path, out MetadataEntry? stale) && Interlocked.Exchange(ref _isGiven, 1) == 0 ? stale : null;
}

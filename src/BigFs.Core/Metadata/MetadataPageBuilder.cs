using System.Collections.Immutable;
using System.Text;

namespace BigFs.Core.Metadata;

/// <summary>Gathers one page of a listing within its bounds, for every engine. Not thread-safe.</summary>
public sealed class MetadataPageBuilder(MetadataListRequest request)
{
    private const int BytesOfAnEntry = 64;

    private readonly ImmutableArray<BigFsEntry>.Builder _entries =
        ImmutableArray.CreateBuilder<BigFsEntry>(Math.Min(request.Limit, 1024));

    private string? _last;
    private long _bytes;
    private bool _more;

    /// <summary>How many entries it has.</summary>
    public int Count => _entries.Count;

    /// <summary>
    /// Adds the next entry; false when the page is full, which then ends before it. To end a page properly, offer one entry
    /// more than it takes.
    /// </summary>
    /// <param name="entry">The entry.</param>
    /// <param name="relative">Its path relative to the listed directory.</param>
    /// <param name="notesBytes">The stored size of its media type and user metadata.</param>
    public bool TryAdd(BigFsEntry entry, string relative, int notesBytes)
    {
        ArgumentNullException.ThrowIfNull(entry);
        long bytes = _bytes + BytesOfAnEntry + notesBytes + Encoding.UTF8.GetByteCount(entry.Path.ToString());
        if (_entries.Count == request.Limit || (bytes > request.MaxBytes && _entries.Count > 0))
        {
            _more = true;
            return false;
        }

        (_bytes, _last) = (bytes, relative);
        _entries.Add(entry);
        return true;
    }

    /// <summary>The page.</summary>
    public MetadataPage Build() =>
        new(_entries.DrainToImmutable(), _more ? _last : null);
}

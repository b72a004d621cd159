using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>
/// Some entries of a streamed listing, in order; never none. It is either what a store read or what another process packed
/// (<see cref="PackedEntries"/>), and becomes the other form when that is asked for: a process that only passes a listing on
/// neither reads nor makes entries.
/// </summary>
public sealed class EntryPage
{
    private readonly BigFsPath _directory;
    private readonly ReadOnlyMemory<byte> _packed;
    private ImmutableArray<BigFsEntry> _entries;

    private EntryPage(BigFsPath directory, ImmutableArray<BigFsEntry> entries, ReadOnlyMemory<byte> packed) =>
        (_directory, _entries, _packed) = (directory, entries, packed);

    /// <summary>The entries.</summary>
    /// <exception cref="BigFsException">DataUnreadable: the packed form is damaged.</exception>
    public ImmutableArray<BigFsEntry> Entries
    {
        get
        {
            if (_entries.IsDefault)
            {
                _entries = PackedEntries.Unpack(_directory, _packed.Span);
            }

            return _entries;
        }
    }

    /// <summary>A page of entries that stand below the directory.</summary>
    public static EntryPage Of(BigFsPath directory, ImmutableArray<BigFsEntry> entries) =>
        entries.IsDefaultOrEmpty ? throw new ArgumentException("A page holds entries.", nameof(entries)) : new(directory, entries, default);

    /// <summary>A page as it came from another process; not read yet.</summary>
    public static EntryPage OfPacked(BigFsPath directory, ReadOnlyMemory<byte> packed) => new(directory, default, packed);

    /// <summary>The packed form, in parts of about so many bytes at most (an entry that is longer is a part of its own).</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Pack(int mostBytes)
    {
        if (_entries.IsDefault)
        {
            yield return _packed;
            yield break;
        }

        for (int first = 0; first < _entries.Length;)
        {
            (byte[] part, first) = PackedEntries.Pack(_directory, _entries, first, mostBytes);
            yield return part;
        }
    }
}

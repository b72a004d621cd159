using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Control;
using BigFs.Core.Model;

namespace BigFs.Internal.Download;

/// <summary>Which chunk of a file version holds which byte; its manifest is known to be whole. Immutable.</summary>
internal sealed class FileMap
{
    private readonly ImmutableArray<ChunkReference> _chunks;
    private readonly long[] _starts;

    /// <summary>
    /// Makes the map. Lengths and checksums of the chunks must add up to the file's, so that chunks which each match their
    /// own checksum are the file: checked here, before the first byte is handed out.
    /// </summary>
    /// <exception cref="BigFsException">Damaged: they do not.</exception>
    public FileMap(OpenedFile opened)
    {
        File = opened.File;
        Inline = opened.Content;
        _chunks = opened.Manifest.IsDefault ? [] : opened.Manifest;
        if (!Inline.IsEmpty)
        {
            // As if it were one chunk, which is at hand.
            _chunks = _chunks.IsEmpty && Inline.Length <= Limits.MaxInlineBytes
                ? [new ChunkReference(default, default, Inline.Length, Crc32C.Compute(Inline.Span))]
                : throw Broken($"it has {_chunks.Length} chunks beside {Inline.Length} bytes in the metadata");
        }

        _starts = new long[_chunks.Length + 1];
        uint crc32C = 0;
        for (int i = 0; i < _chunks.Length; i++)
        {
            if (_chunks[i].Length is <= 0 or > Limits.MaxChunkSize)
            {
                throw Broken($"chunk {i} has a length of {_chunks[i].Length} bytes");
            }

            _starts[i + 1] = _starts[i] + _chunks[i].Length;
            crc32C = Crc32C.Combine(crc32C, _chunks[i].Crc32C, _chunks[i].Length);
        }

        if (_starts[^1] != File.Size)
        {
            throw Broken($"its chunks add up to {_starts[^1]} bytes instead of {File.Size}");
        }

        if (crc32C != File.Crc32C)
        {
            throw Broken($"its chunks add up to the checksum {crc32C:x8} instead of {File.Crc32C:x8}");
        }
    }

    /// <summary>The version.</summary>
    public BigFsFile File { get; }

    /// <summary>The whole content, its checksum verified, of a file that the metadata hold themselves; else empty.</summary>
    public ReadOnlyMemory<byte> Inline { get; }

    /// <summary>How many chunks it has.</summary>
    public int Count => _chunks.Length;

    /// <summary>A chunk.</summary>
    public ChunkReference this[int index] => _chunks[index];

    /// <summary>Where a chunk begins in the file.</summary>
    public long StartOf(int index) => _starts[index];

    /// <summary>The chunk that holds a byte of the file.</summary>
    public int IndexOf(long position)
    {
        int found = Array.BinarySearch(_starts, position);
        return found >= 0 ? found : ~found - 1;
    }

    private BigFsException Broken(string why) =>
        new(BigFsErrorCode.Damaged, $"The manifest of \"{File.Path}\" (version {File.Version}) is damaged: {why}.")
        {
            Path = File.Path.ToString(),
        };
}

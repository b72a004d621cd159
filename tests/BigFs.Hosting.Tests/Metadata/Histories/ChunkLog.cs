using System.Buffers.Binary;
using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>
/// Makes what clients write, no two alike, and remembers which chunks were named to the namespace together: all of them
/// share one fate. Thread-safe.
/// </summary>
/// <param name="firstKey">The first chunk's key; it and so many after it as are written are used once.</param>
internal sealed class ChunkLog(ulong firstKey)
{
    private readonly Lock _lock = new();
    private readonly List<ImmutableArray<ChunkReference>> _tried = [];
    private readonly HashSet<ulong> _buried = [];
    private ulong _next = firstKey;

    /// <summary>The chunks that were named together.</summary>
    public IReadOnlyList<ImmutableArray<ChunkReference>> Tried
    {
        get
        {
            lock (_lock)
            {
                return [.. _tried];
            }
        }
    }

    /// <summary>A file of so many chunks.</summary>
    public FileBody NewBody(int chunks)
    {
        ulong key = Take(chunks + 1);
        return new FileBody
        {
            Size = 100 * chunks,
            Crc32C = (uint)key,
            Manifest = Uploads.Chunks(key, chunks),
            ContentType = key % 3 == 0 ? "text/plain" : null,
        };
    }

    /// <summary>A file whose content lies with its name.</summary>
    public FileBody NewInline()
    {
        var content = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(content, Take(1));
        return new FileBody { Size = content.Length, Crc32C = Crc32C.Compute(content), Content = content };
    }

    /// <summary>Notes chunks that are about to be named.</summary>
    public void Trying(ImmutableArray<ChunkReference> chunks)
    {
        if (!chunks.IsEmpty)
        {
            lock (_lock)
            {
                _tried.Add(chunks);
            }
        }
    }

    /// <summary>Notes that it was acknowledged that these are to be deleted.</summary>
    public void Buried(ImmutableArray<ChunkReference> chunks)
    {
        lock (_lock)
        {
            _buried.UnionWith(chunks.Select(chunk => chunk.Key.Value));
        }
    }

    /// <summary>Whether it was acknowledged that this one is to be deleted.</summary>
    public bool IsBuried(ChunkReference chunk)
    {
        lock (_lock)
        {
            return _buried.Contains(chunk.Key.Value);
        }
    }

    private ulong Take(int count)
    {
        lock (_lock)
        {
            ulong first = _next;
            _next += (ulong)count;
            return first;
        }
    }
}

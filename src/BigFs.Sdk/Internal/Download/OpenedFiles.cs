using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using BigFs.Core.Control;
using BigFs.Core.Model;

namespace BigFs.Internal.Download;

/// <summary>
/// Small files that this client opened a moment ago, as they were then: each is asked about again before it is used, in a few
/// bytes, while its content is already on its way. Bounded in bytes and in age; the least recently used go first. Thread-safe.
/// </summary>
/// <param name="mostBytes">Bytes to use at most, about.</param>
/// <param name="time">The clock of ages.</param>
internal sealed class OpenedFiles(long mostBytes, TimeProvider time)
{
    /// <summary>Memory of one client: 16 MiB, about 30,000 files.</summary>
    public const long DefaultBytes = 16L << 20;

    /// <summary>Files up to this length are kept: a wrong guess costs no more than reading so much. 1 MiB.</summary>
    public const int LargestFile = 1 << 20;

    /// <summary>What a file takes beside its texts: the objects and its places in tables.</summary>
    private const int BytesPerFile = 480;

    /// <summary>
    /// How long one is kept: places and capabilities are asked for anew then. Capabilities that were just given out are good for
    /// longer, and one that is not costs a second try.
    /// </summary>
    public static readonly TimeSpan MostAge = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Item>> _items = new(StringComparer.Ordinal);
    private readonly LinkedList<Item> _byUse = new();

    /// <summary>The place of each volume, once for all files in it.</summary>
    private readonly Dictionary<VolumeId, VolumeLocation> _places = [];

    /// <summary>Bytes in use, about.</summary>
    public long Bytes { get; private set; }

    /// <summary>What the path was when it was opened last.</summary>
    public bool TryGet(BigFsPath path, [NotNullWhen(true)] out OpenedFile? opened)
    {
        lock (_gate)
        {
            if (_items.TryGetValue(path.ToString(), out LinkedListNode<Item>? node))
            {
                if (time.GetElapsedTime(node.Value.Since) < MostAge)
                {
                    _byUse.Remove(node);
                    _byUse.AddFirst(node);
                    opened = node.Value.Opened;
                    return true;
                }

                RemoveNeedsGate(node);
            }
        }

        opened = null;
        return false;
    }

    /// <summary>Keeps what was opened, if it is one chunk and small; forgets what was kept of the path before.</summary>
    public void Put(OpenedFile opened)
    {
        string path = opened.File.Path.ToString();
        long bytes = BytesPerFile + (2L * path.Length) + opened.File.Metadata.Sum(static note => 120 + (2L * (note.Key.Length + note.Value.Length)));
        bool isKept = KnownFile.Of(opened) is not null && opened.File.Size <= LargestFile && bytes <= mostBytes;
        lock (_gate)
        {
            if (_items.TryGetValue(path, out LinkedListNode<Item>? before))
            {
                RemoveNeedsGate(before);
            }

            if (!isKept)
            {
                return;
            }

            OpenedFile kept = opened with { Locations = [PlaceNeedsGate(opened.Locations[0])] };
            _items[path] = _byUse.AddFirst(new Item(path, kept, time.GetTimestamp(), bytes));
            Bytes += bytes;
            while (Bytes > mostBytes)
            {
                RemoveNeedsGate(_byUse.Last!);
            }
        }
    }

    /// <summary>Forgets a path.</summary>
    public void Forget(BigFsPath path)
    {
        lock (_gate)
        {
            if (_items.TryGetValue(path.ToString(), out LinkedListNode<Item>? node))
            {
                RemoveNeedsGate(node);
            }
        }
    }

    /// <summary>The same place as other files of the volume have, when it is the same.</summary>
    private VolumeLocation PlaceNeedsGate(VolumeLocation place)
    {
        if (_places.TryGetValue(place.Volume, out VolumeLocation? known)
            && known.Epoch == place.Epoch
            && known.Members.AsSpan().SequenceEqual(place.Members.AsSpan())
            && known.Capability.AsSpan().SequenceEqual(place.Capability.AsSpan()))
        {
            return known;
        }

        _places[place.Volume] = place;
        return place;
    }

    private void RemoveNeedsGate(LinkedListNode<Item> node)
    {
        _items.Remove(node.Value.Path);
        _byUse.Remove(node);
        Bytes -= node.Value.Bytes;
        if (_items.Count == 0)
        {
            _places.Clear();
        }
    }

    private sealed record Item(string Path, OpenedFile Opened, long Since, long Bytes);
}

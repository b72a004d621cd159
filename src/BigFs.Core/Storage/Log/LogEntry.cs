using System.Collections.Immutable;
using BigFs.Core.Chunking;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>A record on its way into a log, and the promise of its outcome.</summary>
internal sealed class LogEntry
{
    private readonly TaskCompletionSource<ChunkStatus> _source =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private LogEntry(RecordKind kind, ulong key, ReadOnlyMemory<byte> payload)
    {
        Kind = kind;
        Key = key;
        Payload = payload;
        Length = payload.Length;
    }

    public RecordKind Kind { get; }

    /// <summary>The chunk's key, or the epoch.</summary>
    public ulong Key { get; }

    /// <summary>Bytes of the payload.</summary>
    public int Length { get; }

    public uint Crc32C { get; private init; }

    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>A chunk's block checksums; empty for the other kinds.</summary>
    public uint[] Blocks { get; private init; } = [];

    /// <summary>A chunk's buffer; owned by the entry until it is completed.</summary>
    public ChunkBuffer? Buffer { get; private init; }

    /// <summary>What an epoch record says.</summary>
    public VolumeEpoch? Epoch { get; private init; }

    /// <summary>What the index file knew of a key that is to be deleted.</summary>
    public IndexEntry? Known { get; private init; }

    /// <summary>Where the payload stands in the file; set when the entry was placed in a batch.</summary>
    public long PayloadOffset { get; set; }

    /// <summary>Whether it gets a batch of its own, written from the chunk's buffer.</summary>
    public bool IsLarge => Kind == RecordKind.Chunk && Length >= LogFormat.LargeChunk;

    /// <summary>Ends with the entry: Ok once it is flushed and applied.</summary>
    public Task<ChunkStatus> Outcome => _source.Task;

    public static LogEntry Chunk(ulong key, uint crc, uint[] blocks, ChunkBuffer buffer) =>
        new(RecordKind.Chunk, key, buffer.Payload) { Crc32C = crc, Blocks = blocks, Buffer = buffer };

    public static LogEntry Delete(ulong key, IndexEntry? known) => new(RecordKind.Delete, key, default) { Known = known };

    public static LogEntry Mark(long epoch, ReplicaState state, ImmutableArray<NodeId> members)
    {
        byte[] body = LogFormat.WriteEpoch(state, members);
        return new LogEntry(RecordKind.Epoch, (ulong)epoch, body)
        {
            Crc32C = Chunking.Crc32C.Compute(body),
            Epoch = new VolumeEpoch(epoch, state, members),
        };
    }

    /// <summary>Gives the buffer back and ends the waits; the first outcome stands. Called by one thread at a time.</summary>
    public void Complete(ChunkStatus status)
    {
        if (!_source.Task.IsCompleted)
        {
            Buffer?.Dispose();
            _source.SetResult(status);
        }
    }
}

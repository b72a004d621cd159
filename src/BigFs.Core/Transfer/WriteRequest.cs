using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Asks the pipeline's member at <see cref="Position"/>, and through it all later ones, to take a chunk.
/// </summary>
internal sealed record WriteRequest
{
    /// <summary>Most bytes of an endpoint in UTF-8.</summary>
    public const int MaxEndpointBytes = 255;

    public required VolumeId Volume { get; init; }

    public required long Epoch { get; init; }

    public required ChunkKey Key { get; init; }

    /// <summary>Bytes of the chunk, 1 to <see cref="Limits.MaxChunkSize"/>.</summary>
    public required int Length { get; init; }

    public required uint Crc32C { get; init; }

    /// <summary>All members, 1 to <see cref="Limits.MaxReplicas"/>, in pipeline order, none twice.</summary>
    public required ImmutableArray<NodeAddress> Pipeline { get; init; }

    /// <summary>Index in the pipeline of the member that is asked.</summary>
    public required int Position { get; init; }

    /// <summary>What allows it at every member, as the grant has it; empty when there is none.</summary>
    public ImmutableArray<byte> Capability { get; init; } = [];

    /// <summary>The member that is asked.</summary>
    public NodeAddress Target => Pipeline[Position];

    /// <summary>Whether nobody comes after the member that is asked.</summary>
    public bool IsLast => Position == Pipeline.Length - 1;

    /// <summary>The request as the store takes it.</summary>
    public ChunkAppend ToAppend() => new(Volume, Epoch, [.. Pipeline.Select(member => member.Id)], Key, Length, Crc32C);

    /// <summary>What the capability has to cover.</summary>
    public CapabilityUse ToUse(ImmutableArray<NodeId> members) => new()
    {
        Operation = CapabilityOperation.WriteChunk,
        Volume = Volume,
        Key = Key,
        Epoch = Epoch,
        Members = members,
        Length = Length,
    };

    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.Int64(Volume.Value);
        writer.Int64(Epoch);
        writer.UInt64(Key.Value);
        writer.UInt32((uint)Length);
        writer.UInt32(Crc32C);
        writer.Byte((byte)Position);
        writer.Byte((byte)Pipeline.Length);
        writer.Reserved(2);
        foreach (NodeAddress member in Pipeline)
        {
            writer.Node(member.Id);
            writer.Text(member.TransferEndpoint, MaxEndpointBytes);
        }

        writer.Bytes(Capability.AsSpan());
        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed or breaks a limit.</summary>
    public static WriteRequest? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var volume = new VolumeId(reader.Int64());
        long epoch = reader.Int64();
        var key = new ChunkKey(reader.UInt64());
        uint length = reader.UInt32();
        uint crc32C = reader.UInt32();
        int position = reader.Byte();
        int count = reader.Byte();
        reader.Reserved(2);
        if (length is 0 or > Limits.MaxChunkSize || count is 0 or > Limits.MaxReplicas || position >= count)
        {
            return null;
        }

        var members = new NodeAddress[count];
        for (int i = 0; i < count; i++)
        {
            members[i] = new NodeAddress(reader.Node(), reader.Text(MaxEndpointBytes));
        }

        ImmutableArray<byte> capability = reader.Bytes(Security.Capability.MaxBytes);
        if (!reader.AtCleanEnd || members.DistinctBy(member => member.Id).Count() != count)
        {
            return null;
        }

        return new WriteRequest
        {
            Volume = volume,
            Epoch = epoch,
            Key = key,
            Length = (int)length,
            Crc32C = crc32C,
            Pipeline = [.. members],
            Position = position,
            Capability = capability,
        };
    }
}

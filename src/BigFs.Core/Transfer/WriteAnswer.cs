using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>One line a replica, from the member that answers to the pipeline's last.</summary>
internal static class WriteAnswer
{
    /// <summary>Most bytes of the message.</summary>
    public const int MaxBytes = 4 + (24 * Limits.MaxReplicas);

    /// <summary>Writes the message and returns its length.</summary>
    public static int Encode(ImmutableArray<ReplicaAcknowledgement> replicas, Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.Byte((byte)replicas.Length);
        writer.Reserved(3);
        foreach (ReplicaAcknowledgement replica in replicas)
        {
            writer.Node(replica.Node);
            writer.UInt32(replica.Crc32C);
            writer.Byte((byte)replica.Durability);
            writer.Reserved(3);
        }

        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed or breaks a limit.</summary>
    public static ImmutableArray<ReplicaAcknowledgement>? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        int count = reader.Byte();
        reader.Reserved(3);
        if (count is 0 or > Limits.MaxReplicas)
        {
            return null;
        }

        var replicas = new ReplicaAcknowledgement[count];
        for (int i = 0; i < count; i++)
        {
            replicas[i] = new ReplicaAcknowledgement(reader.Node(), reader.UInt32(), (BigFsDurability)reader.Byte());
            reader.Reserved(3);
        }

        bool legal = reader.AtCleanEnd
            && replicas.All(replica => replica.Durability is BigFsDurability.Flushed or BigFsDurability.Memory);
        return legal ? [.. replicas] : null;
    }
}

using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Security;

namespace BigFs.Core.Transfer;

/// <summary>What every transport asks of its caller's arguments.</summary>
internal static class ChunkRules
{
    /// <exception cref="ArgumentException">
    /// Empty or too large a payload, or a pipeline that is empty, too long or names a node twice.
    /// </exception>
    public static void CheckWrite(ChunkGrant grant, ReadOnlyMemory<byte> payload)
    {
        ArgumentNullException.ThrowIfNull(grant);
        ArgumentOutOfRangeException.ThrowIfZero(payload.Length, nameof(payload));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, Limits.MaxChunkSize, nameof(payload));
        if (grant.Pipeline.Length is 0 or > Limits.MaxReplicas
            || grant.Pipeline.DistinctBy(member => member.Id).Count() != grant.Pipeline.Length
            || grant.Pipeline.Any(member => member.TransferEndpoint.Length > WriteRequest.MaxEndpointBytes))
        {
            throw new ArgumentException(
                $"The grant for chunk {grant.Key} needs 1 to {Limits.MaxReplicas} different members with short endpoints.", nameof(grant));
        }

        CheckCapability(grant.Capability, nameof(grant));
    }

    /// <exception cref="ArgumentException">
    /// The chunk's length is none, or the range does not lie in the chunk.
    /// </exception>
    public static void CheckRead(ChunkReference chunk, ImmutableArray<byte> capability, int offset, Memory<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(chunk.Length, nameof(chunk));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(chunk.Length, Limits.MaxChunkSize, nameof(chunk));
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)offset + destination.Length, chunk.Length, nameof(destination));
        CheckCapability(capability, nameof(capability));
    }

    /// <summary>What is too long for a capability is none; whether it is good is for the node to say.</summary>
    private static void CheckCapability(ImmutableArray<byte> capability, string name)
    {
        if (capability.IsDefault || capability.Length > Capability.MaxBytes)
        {
            throw new ArgumentException($"A capability has at most {Capability.MaxBytes} bytes.", name);
        }
    }
}

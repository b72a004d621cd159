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

    /// <exception cref="ArgumentException">More keys than may be named, not ascending ones, or a page of no bytes.</exception>
    public static void CheckPage(VolumePage page)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentOutOfRangeException.ThrowIfZero(page.MaxBytes, nameof(page));
        bool ascend = Enumerable.Range(1, Math.Max(page.Keys.Length - 1, 0)).All(
            i => page.Keys.Length < 2 || page.Keys[i - 1].CompareTo(page.Keys[i]) < 0);
        if (page.Keys.Length > VolumePage.MaxKeys || !ascend)
        {
            throw new ArgumentException($"A page names at most {VolumePage.MaxKeys} keys, in ascending order.", nameof(page));
        }

        CheckCapability(page.Capability, nameof(page));
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

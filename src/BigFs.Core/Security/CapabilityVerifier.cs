using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Security;

/// <summary>
/// Checks capabilities: the datanodes' part. A capability may be used again, on any connection, until it expires: what it
/// allows is safe to repeat. Thread-safe.
/// </summary>
public sealed class CapabilityVerifier
{
    private readonly NodeKeys _keys;
    private readonly byte[] _node = new byte[Capability.NodeBytes];
    private readonly long _skewMilliseconds;
    private readonly TimeProvider _time;

    /// <summary>Makes a verifier for one node.</summary>
    /// <param name="keys">The node's keys.</param>
    /// <param name="options">How far clocks may be apart.</param>
    /// <param name="time">The wall clock of expiries.</param>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public CapabilityVerifier(NodeKeys keys, CapabilityOptions options, TimeProvider time)
    {
        options.Validate();
        (_keys, _time) = (keys, time);
        _skewMilliseconds = (long)options.Skew.TotalMilliseconds;
        Capability.WriteNode(keys.Node, _node);
    }

    /// <summary>The node that it checks for.</summary>
    public NodeId Node => _keys.Node;

    /// <summary>Says whether a capability allows a request at this node now, and if not, why.</summary>
    public CapabilityRefusal Check(ReadOnlySpan<byte> capability, in CapabilityUse use)
    {
        if (capability.IsEmpty)
        {
            return CapabilityRefusal.Absent;
        }

        if (!Capability.TryRead(capability, out CapabilityHead head))
        {
            return CapabilityRefusal.Malformed;
        }

        int index = IndexOf(capability, head.Count);
        if (index < 0)
        {
            return CapabilityRefusal.OtherNode;
        }

        ReadOnlySpan<byte> key = _keys.Find(head.KeyId);
        if (key.IsEmpty)
        {
            return CapabilityRefusal.UnknownKey;
        }

        // Nothing that it says counts before this.
        return Capability.IsSigned(capability, head.Count, index, _node, key)
            ? Compare(capability, head, use)
            : CapabilityRefusal.Forged;
    }

    private CapabilityRefusal Compare(ReadOnlySpan<byte> capability, in CapabilityHead head, in CapabilityUse use)
    {
        long now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        return head.ExpiryMilliseconds < now - _skewMilliseconds ? CapabilityRefusal.Expired
            : head.ExpiryMilliseconds > now + (long)CapabilityOptions.MaxLifetime.TotalMilliseconds + _skewMilliseconds
                ? CapabilityRefusal.TooFarAhead
            : head.Operation != use.Operation ? CapabilityRefusal.OtherOperation
            : head.Volume != use.Volume ? CapabilityRefusal.OtherVolume
            : head.Key != use.Key && !IsForAny(head) ? CapabilityRefusal.OtherChunk
            : use.Epoch is { } epoch && head.Epoch != epoch ? CapabilityRefusal.OtherEpoch
            : use.Epoch is not null && !AreMembers(capability, head.Count, use.Members) ? CapabilityRefusal.OtherMembers
            : use.Length > head.MaxLength ? CapabilityRefusal.TooLong
            : CapabilityRefusal.None;
    }

    /// <summary>Whether it is for every chunk of its volume; a write never is.</summary>
    private static bool IsForAny(in CapabilityHead head) =>
        head.Key == Capability.WholeVolume && head.Operation != CapabilityOperation.WriteChunk;

    private int IndexOf(ReadOnlySpan<byte> capability, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (Capability.MemberAt(capability, i).SequenceEqual(_node))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Whether these nodes are the members, in whatever order.</summary>
    private static bool AreMembers(ReadOnlySpan<byte> capability, int count, ImmutableArray<NodeId> nodes)
    {
        if (nodes.IsDefault || nodes.Length != count)
        {
            return false;
        }

        Span<byte> wanted = stackalloc byte[Capability.NodeBytes];
        for (int i = 0; i < count; i++)
        {
            Capability.WriteNode(nodes[i], wanted);
            int found = 0;
            while (found < count && !Capability.MemberAt(capability, found).SequenceEqual(wanted))
            {
                found++;
            }

            if (found == count)
            {
                return false;
            }
        }

        return true;
    }
}

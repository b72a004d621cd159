using System.Collections.Concurrent;

namespace BigFs.Core.Security;

/// <summary>Makes the tokens by which this process's roles prove themselves. Thread-safe.</summary>
public sealed class RoleTokenSigner
{
    private readonly ClusterSecret _secret;
    private readonly ulong _sender;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<(byte Caller, byte Callee, Guid Node), byte[]> _keys = new();
    private ulong _count;

    /// <summary>Makes a signer.</summary>
    /// <param name="secret">The cluster's secret; its first key signs.</param>
    /// <param name="sender">A random number of this start of the process.</param>
    /// <param name="time">The wall clock.</param>
    public RoleTokenSigner(ClusterSecret secret, ulong sender, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(secret);
        (_secret, _sender, _time) = (secret, sender, time);
    }

    /// <summary>A token for one call.</summary>
    /// <param name="caller">The role that calls, by its number.</param>
    /// <param name="callee">The role that is called.</param>
    /// <param name="method">The call's full name.</param>
    /// <param name="node">The datanode that is meant, as its header says; empty for other roles.</param>
    public byte[] Sign(byte caller, byte callee, string method, ReadOnlySpan<byte> node)
    {
        var place = (caller, callee, node.Length == Capability.NodeBytes ? new Guid(node, bigEndian: true) : Guid.Empty);
        if (!_keys.TryGetValue(place, out byte[]? key))
        {
            key = _keys.GetOrAdd(place, _secret.SigningRoleKey(caller, callee, node));
        }

        var claims = new RoleTokenClaims(
            caller,
            _secret.SigningKeyId,
            _sender,
            Interlocked.Increment(ref _count),
            _time.GetUtcNow().ToUnixTimeMilliseconds());
        return RoleToken.Write(claims, method, node, key);
    }
}

using System.Collections.Concurrent;

namespace BigFs.Core.Security;

/// <summary>Why a role's token does not admit a call; the first reason that was found.</summary>
public enum RoleTokenRefusal
{
    /// <summary>It does admit it.</summary>
    None = 0,

    /// <summary>There is none.</summary>
    Absent = 1,

    /// <summary>It is not laid out as one.</summary>
    Malformed = 2,

    /// <summary>It was signed with a key that is not, or no longer, in use here.</summary>
    UnknownKey = 3,

    /// <summary>It was not signed with the cluster's key, or for another call, role or node, or was changed since.</summary>
    Forged = 4,

    /// <summary>It has expired.</summary>
    Expired = 5,

    /// <summary>It was made later than now: the clocks of two machines are far apart.</summary>
    TooFarAhead = 6,

    /// <summary>It was used before.</summary>
    Replayed = 7,

    /// <summary>The role that it proves may not make this call.</summary>
    OtherRole = 8,
}

/// <summary>
/// Checks the tokens of roles that call. Each is good for one call: of each sender the counts of its last 65,536 tokens are
/// remembered (RFC 4303, section 3.4.3), older ones are refused. Memory is bounded by the senders whose tokens still live.
/// Thread-safe.
/// </summary>
public sealed class RoleTokenVerifier
{
    /// <summary>Most senders remembered at a time; each is a process that proved to know the secret.</summary>
    private const int MaxSenders = 4096;

    private readonly ClusterSecret _secret;
    private readonly RoleTokenOptions _options;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<(uint KeyId, byte Caller, byte Callee, Guid Node), byte[]> _keys = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, SeenTokens> _senders = [];

    /// <summary>Makes a verifier.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public RoleTokenVerifier(ClusterSecret secret, RoleTokenOptions options, TimeProvider time)
    {
        options.Validate();
        (_secret, _options, _time) = (secret, options, time);
    }

    /// <summary>Checks a token, and uses it up when it is good.</summary>
    /// <param name="token">The bytes; empty when none came.</param>
    /// <param name="callee">The role that is called, by its number.</param>
    /// <param name="method">The call's full name.</param>
    /// <param name="node">The datanode that is meant, as its header says; empty for other roles.</param>
    /// <param name="isAllowed">Whether a role may make this call.</param>
    public RoleTokenRefusal Check(
        ReadOnlySpan<byte> token, byte callee, string method, ReadOnlySpan<byte> node, Func<byte, bool> isAllowed)
    {
        ArgumentNullException.ThrowIfNull(isAllowed);
        if (token.IsEmpty)
        {
            return RoleTokenRefusal.Absent;
        }

        if (!RoleToken.TryRead(token, out RoleTokenClaims claims) || node.Length is not (0 or Capability.NodeBytes))
        {
            return RoleTokenRefusal.Malformed;
        }

        if (!isAllowed(claims.Caller))
        {
            return RoleTokenRefusal.OtherRole;
        }

        if (KeyOf(claims, callee, node) is not { } key)
        {
            return RoleTokenRefusal.UnknownKey;
        }

        if (!RoleToken.IsSigned(token, method, node, key))
        {
            return RoleTokenRefusal.Forged;
        }

        long age = _time.GetUtcNow().ToUnixTimeMilliseconds() - claims.MadeAtMilliseconds;
        if (age > (_options.Lifetime + _options.Skew).TotalMilliseconds)
        {
            return RoleTokenRefusal.Expired;
        }

        return age < -_options.Skew.TotalMilliseconds ? RoleTokenRefusal.TooFarAhead : Use(claims);
    }

    private byte[]? KeyOf(in RoleTokenClaims claims, byte callee, ReadOnlySpan<byte> node)
    {
        var place = (claims.KeyId, claims.Caller, callee, node.IsEmpty ? Guid.Empty : new Guid(node, bigEndian: true));
        if (_keys.TryGetValue(place, out byte[]? known))
        {
            return known;
        }

        byte[]? derived = _secret.RoleKey(claims.KeyId, claims.Caller, callee, node);

        // What a stranger claims is kept only within bounds: a node's id comes from the call.
        return derived is null || _keys.Count >= MaxSenders ? derived : _keys.GetOrAdd(place, derived);
    }

    private RoleTokenRefusal Use(in RoleTokenClaims claims)
    {
        lock (_gate)
        {
            if (!_senders.TryGetValue(claims.Sender, out SeenTokens? seen))
            {
                if (_senders.Count >= MaxSenders)
                {
                    ForgetNeedsLock();
                }

                // Without memory of it a token could come twice.
                if (_senders.Count >= MaxSenders)
                {
                    return RoleTokenRefusal.Replayed;
                }

                _senders[claims.Sender] = seen = new SeenTokens();
            }

            seen.NewestMilliseconds = Math.Max(seen.NewestMilliseconds, claims.MadeAtMilliseconds);
            return seen.TryUse(claims.Count) ? RoleTokenRefusal.None : RoleTokenRefusal.Replayed;
        }
    }

    /// <summary>Forgets senders of whom every token that could come again has expired.</summary>
    private void ForgetNeedsLock()
    {
        double oldest = _time.GetUtcNow().ToUnixTimeMilliseconds() - (_options.Lifetime + _options.Skew).TotalMilliseconds;
        foreach (ulong sender in _senders.Where(one => one.Value.NewestMilliseconds < oldest).Select(one => one.Key).ToList())
        {
            _senders.Remove(sender);
        }
    }

    /// <summary>Which counts of one sender have come: a window that moves with the highest.</summary>
    private sealed class SeenTokens
    {
        private const int Window = 1 << 16;

        private readonly ulong[] _bits = new ulong[Window / 64];
        private ulong _highest;

        public long NewestMilliseconds { get; set; } = long.MinValue;

        public bool TryUse(ulong count)
        {
            if (count > _highest)
            {
                ulong passed = Math.Min(count - _highest, Window);
                for (ulong i = 1; i <= passed; i++)
                {
                    ulong free = (count - passed + i) % Window;
                    _bits[free / 64] &= ~(1UL << (int)(free % 64));
                }

                _highest = count;
            }
            else if (_highest - count >= Window)
            {
                return false;
            }

            ulong place = count % Window;
            ulong bit = 1UL << (int)(place % 64);
            if ((_bits[place / 64] & bit) != 0)
            {
                return false;
            }

            _bits[place / 64] |= bit;
            return true;
        }
    }
}

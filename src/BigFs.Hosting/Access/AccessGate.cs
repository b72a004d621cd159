using BigFs.Core.Control;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>
/// Decides whether a call passes, by its method's policy. Speaks no protocol of its own, so that every door asks the same
/// one. Where no keys are required everybody passes, but to what has no policy. Thread-safe.
/// </summary>
internal sealed class AccessGate
{
    /// <summary>The header of a client's key, "Bearer KEY".</summary>
    public const string KeyHeader = "authorization";

    /// <summary>The header of a role's token.</summary>
    public const string RoleHeader = "bigfs-role-bin";

    private const string Scheme = "Bearer ";

    private readonly RoleTokenVerifier? _roles;
    private readonly AccessKeyChecker? _keys;
    private readonly Func<BigFsPath, VersionVeil>? _versionsOf;
    private readonly bool _roleCertificates;
    private readonly TimeProvider _time;
    private long _loggedAt;

    private AccessGate(
        RoleTokenVerifier? roles, AccessKeyChecker? keys, Func<BigFsPath, VersionVeil>? versionsOf, bool roleCertificates, TimeProvider time) =>
        (_roles, _keys, _versionsOf, _roleCertificates, _time) = (roles, keys, versionsOf, roleCertificates, time);

    /// <summary>The gate of a cluster without keys.</summary>
    public static AccessGate Open { get; } = new(null, null, null, false, TimeProvider.System);

    /// <summary>Checks keys, for doors that a policy's table does not know; null where none are required.</summary>
    public AccessKeyChecker? Keys => _keys;

    /// <summary>Makes the gate of a cluster with keys.</summary>
    /// <param name="roles">Checks the tokens of roles.</param>
    /// <param name="keys">Checks clients' keys.</param>
    /// <param name="versionsOf">The versions of files as the clients of a root see them.</param>
    /// <param name="roleCertificates">Whether roles have to show a certificate, too.</param>
    /// <param name="time">Clock.</param>
    public static AccessGate Closed(
        RoleTokenVerifier roles, AccessKeyChecker keys, Func<BigFsPath, VersionVeil> versionsOf, bool roleCertificates, TimeProvider time) =>
        new(roles, keys, versionsOf, roleCertificates, time);

    /// <summary>Who calls.</summary>
    /// <param name="method">The method's full name, "/package.Service/Method".</param>
    /// <param name="authorization">What <see cref="KeyHeader"/> held, or null.</param>
    /// <param name="token">What <see cref="RoleHeader"/> held, or null.</param>
    /// <param name="node">The datanode that the call says it is meant for, or null.</param>
    /// <param name="hasCertificate">Whether the connection showed a certificate of the cluster's authority.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BigFsException">Unauthenticated, NotAllowed, Unavailable.</exception>
    public async ValueTask<CallAccess> AdmitAsync(
        string method,
        string? authorization,
        byte[]? token,
        byte[]? node,
        bool hasCertificate,
        CancellationToken cancellationToken)
    {
        if (!RpcPolicies.ByMethod.TryGetValue(method, out RpcPolicy? policy))
        {
            throw AccessErrors.NoPolicy(method);
        }

        if (_keys is null || policy.IsOpen)
        {
            return CallAccess.Open;
        }

        if (token is not null || policy.Rights == AccessRights.None)
        {
            return token is null && authorization is not null
                ? throw AccessErrors.RolesOnly(method)
                : CheckRole(method, policy, token, node, hasCertificate);
        }

        AccessKeyRecord key = await _keys.CheckAsync(KeyIn(authorization), cancellationToken).ConfigureAwait(false);
        CallAccess.Require(key, policy.Rights);
        if (policy.NeedsWholeRoot && !key.Root.IsRoot)
        {
            throw AccessErrors.PartOfTheTree(key);
        }

        return CallAccess.OfKey(key, _keys, _versionsOf!(key.Root));
    }

    /// <summary>Whether a refusal may be logged: one a second, so that strangers do not fill the log.</summary>
    public bool MayLogRefusal()
    {
        long last = Volatile.Read(ref _loggedAt);
        long now = _time.GetTimestamp();
        return (last == 0 || _time.GetElapsedTime(last, now) >= TimeSpan.FromSeconds(1))
            && Interlocked.CompareExchange(ref _loggedAt, now, last) == last;
    }

    /// <summary>The key of an authorization header; text that is no key when the header is of another form.</summary>
    public static string? KeyIn(string? authorization) =>
        authorization is null ? null
        : authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? authorization[Scheme.Length..].Trim()
        : "";

    private CallAccess CheckRole(string method, RpcPolicy policy, byte[]? token, byte[]? node, bool hasCertificate)
    {
        if (_roleCertificates && !hasCertificate)
        {
            throw AccessErrors.NoCertificate(method);
        }

        RoleTokenRefusal refusal = _roles!.Check(
            token, (byte)policy.Callee, method, node, caller => policy.Callers.Contains((ServiceRole)caller));
        return refusal == RoleTokenRefusal.None
            ? CallAccess.OfRole((ServiceRole)token![1])
            : throw AccessErrors.NotARole(method, refusal);
    }
}

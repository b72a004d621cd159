using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>The refusals of who may do what, the same words at every door.</summary>
internal static class AccessErrors
{
    public static BigFsException NoKey() => new(
        BigFsErrorCode.Unauthenticated, "This cluster asks for an access key (the setting ApiKey), and none came with the call.");

    public static BigFsException Unreadable() => new(
        BigFsErrorCode.Unauthenticated, "What came with the call is no access key of BigFS; keys begin with \"bigfs_\".");

    public static BigFsException Unknown(string id) =>
        new(BigFsErrorCode.Unauthenticated, $"There is no access key {id}, or it was sent with another secret.");

    public static BigFsException Revoked(string id) =>
        new(BigFsErrorCode.Unauthenticated, $"The access key {id} was revoked.");

    public static BigFsException Expired(string id) =>
        new(BigFsErrorCode.Unauthenticated, $"The access key {id} has expired.");

    /// <summary>Why a key that was found, or not, is not good; null when it is.</summary>
    public static BigFsException? EndOf(string id, AccessKeyRecord? record, DateTimeOffset now) =>
        record is null ? Unknown(id)
        : record.Revoked is not null ? Revoked(id)
        : record.Expires is { } end && end <= now ? Expired(id)
        : null;

    public static BigFsException Unchecked(BigFsException why) => new(
        BigFsErrorCode.Unavailable, $"Access keys cannot be checked now: {why.Message}", why);

    public static BigFsException MissingRight(AccessKeyRecord key, AccessRights anyOf) => new(
        BigFsErrorCode.NotAllowed,
        $"The access key {key.Id} may not do this: it has the right to {Text(key.Rights)}, and the right to {Text(anyOf, " or ")} is needed.");

    public static BigFsException PartOfTheTree(AccessKeyRecord key) => new(
        BigFsErrorCode.NotAllowed, $"The access key {key.Id} may not do this: it is about the whole cluster, and the key's root is a part.");

    public static BigFsException RolesOnly(string method) =>
        new(BigFsErrorCode.NotAllowed, $"{method} is for the cluster's own roles; no access key opens it.");

    public static BigFsException NotARole(string method, RoleTokenRefusal refusal) => new(
        refusal is RoleTokenRefusal.OtherRole ? BigFsErrorCode.NotAllowed : BigFsErrorCode.Unauthenticated,
        $"{method} is for the cluster's own roles, and the caller did not prove to be one that may call it: {refusal}."
            + (refusal is RoleTokenRefusal.Forged or RoleTokenRefusal.UnknownKey or RoleTokenRefusal.Expired or RoleTokenRefusal.TooFarAhead
                ? " Do all roles have the same cluster secret, and do their clocks agree?"
                : ""));

    public static BigFsException NoCertificate(string method) => new(
        BigFsErrorCode.Unauthenticated, $"{method} asks for a certificate of the cluster's authority, and the caller showed none.");

    public static BigFsException NoPolicy(string method) =>
        new(BigFsErrorCode.NotAllowed, $"{method} is served to nobody: no policy says to whom.");

    private static string Text(AccessRights rights, string and = " and ") => string.Join(
        and,
        new[] { AccessRights.Read, AccessRights.Write, AccessRights.Admin }
            .Where(right => rights.HasFlag(right)).Select(right => right == AccessRights.Admin ? "administer" : right.ToString().ToLowerInvariant()));
}

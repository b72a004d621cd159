using BigFs.Core.Control;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>Who makes a call, as its door found out: nobody in particular, a role, or the owner of a key. Immutable.</summary>
internal sealed class CallAccess
{
    private readonly AccessKeyChecker? _checker;

    private readonly VersionVeil? _versions;

    private CallAccess(AccessKeyChecker? checker, AccessKeyRecord? key, VersionVeil? versions, ServiceRole? role) =>
        (_checker, Key, _versions, Role) = (checker, key, versions, role);

    /// <summary>Where no keys are required: everything is everybody's.</summary>
    public static CallAccess Open { get; } = new(null, null, null, null);

    /// <summary>The key, when a client called with one.</summary>
    public AccessKeyRecord? Key { get; }

    /// <summary>The role, when one of the cluster's own called and proved it.</summary>
    public ServiceRole? Role { get; }

    public static CallAccess OfKey(AccessKeyRecord key, AccessKeyChecker checker, VersionVeil versions) => new(checker, key, versions, null);

    public static CallAccess OfRole(ServiceRole role) => new(null, null, null, role);

    /// <summary>The files as this caller sees them: below its root, under ids of its own.</summary>
    public IFileServer Over(IFileServer files) => Key is { } key ? new RootedFileServer(files, key, _versions!) : files;

    /// <summary>Checks for one operation of a stream that was admitted long ago.</summary>
    /// <exception cref="BigFsException">Unauthenticated, NotAllowed, Unavailable.</exception>
    public async ValueTask RequireAsync(AccessRights anyOf, CancellationToken cancellationToken)
    {
        if (Key is { } key)
        {
            Require(await _checker!.RecheckAsync(key, cancellationToken).ConfigureAwait(false), anyOf);
        }
    }

    /// <summary>Does something for the caller that ends when its key does, if it called with one.</summary>
    /// <param name="work">What is done, until its token is cancelled.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="BigFsException">Unauthenticated: the key ended meanwhile. And what the work throws.</exception>
    public Task WhileGoodAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken) =>
        Key is { } key ? _checker!.WhileGoodAsync(key, work, cancellationToken) : work(cancellationToken);

    /// <summary>Checks that a key has one of some rights.</summary>
    /// <exception cref="BigFsException">NotAllowed.</exception>
    public static void Require(AccessKeyRecord key, AccessRights anyOf)
    {
        if ((key.Rights & anyOf) == 0)
        {
            throw AccessErrors.MissingRight(key, anyOf);
        }
    }
}

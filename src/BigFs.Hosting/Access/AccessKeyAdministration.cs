using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>
/// What administrators do with keys. Whoever administers below a root makes, sees and revokes keys below that root alone, and
/// names their roots from there. Thread-safe.
/// </summary>
internal sealed class AccessKeyAdministration(IAccessKeyStore store, IFileServer files, TimeProvider time)
{
    /// <summary>Makes a key, and its root directory.</summary>
    /// <param name="record">The key; its root as the administrator sees it.</param>
    /// <param name="administrator">Who makes it; null where no keys are required.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The record, as the administrator sees it.</returns>
    /// <exception cref="BigFsException">InvalidArgument, InvalidPath, AlreadyExists, NotDirectory, LimitExceeded.</exception>
    public async ValueTask<AccessKeyRecord> CreateAsync(
        AccessKeyRecord record, AccessKeyRecord? administrator, CancellationToken cancellationToken)
    {
        var paths = new RootedPaths(administrator?.Root ?? BigFsPath.Root);
        AccessKeyRecord kept = record with { Created = time.GetUtcNow(), Revoked = null, Root = paths.Full(record.Root) };
        kept.Check();
        try
        {
            await MakeRootAsync(files, kept.Root, cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException refused)
        {
            throw paths.Own(refused, record.Root);
        }

        await store.AddAsync(kept, cancellationToken).ConfigureAwait(false);
        return kept with { Root = record.Root };
    }

    /// <summary>The keys whose roots are the administrator's or lie below, in the order of their making.</summary>
    public async ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(
        AccessKeyRecord? administrator, CancellationToken cancellationToken)
    {
        BigFsPath root = administrator?.Root ?? BigFsPath.Root;
        var paths = new RootedPaths(root);
        return
        [
            .. (await store.ListAsync(cancellationToken).ConfigureAwait(false))
                .Where(key => IsWithin(key.Root, root))
                .OrderBy(key => key.Created)
                .Select(key => key with { Root = paths.Own(key.Root), Hash = [] }),
        ];
    }

    /// <summary>Revokes a key; false when the administrator has none of this id.</summary>
    public async ValueTask<bool> RevokeAsync(string id, AccessKeyRecord? administrator, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken).ConfigureAwait(false) is { } key
        && IsWithin(key.Root, administrator?.Root ?? BigFsPath.Root)
        && await store.RevokeAsync(id, time.GetUtcNow(), cancellationToken).ConfigureAwait(false);

    /// <summary>Makes the root directory of a key.</summary>
    /// <exception cref="BigFsException">NotDirectory.</exception>
    public static async ValueTask MakeRootAsync(IFileServer files, BigFsPath root, CancellationToken cancellationToken)
    {
        if (!root.IsRoot)
        {
            await files.CreateDirectoryAsync(Guid.CreateVersion7(), root, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsWithin(BigFsPath path, BigFsPath root) => path == root || path.IsBelow(root);
}

using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Security;
using BigFs.Hosting.Access;
using BigFs.Hosting.Access.Grpc;
using BigFs.Hosting.Persistence;
using BigFs.Internal;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Hosting;

/// <summary>
/// The keys of a cluster's clients, for administrators: through a file server with a key that may administer, or, for the first
/// one, on the folder of a metadata server that is stopped. A key's text is made here, given to the caller once, and kept
/// nowhere; what the cluster keeps is a hash.
/// </summary>
public sealed class BigFsAccessKeys : IAsyncDisposable
{
    private readonly IKeyDoor _door;

    private BigFsAccessKeys(IKeyDoor door) => _door = door;

    /// <summary>The keys of a running cluster; no I/O.</summary>
    /// <param name="options">How it is reached, with a key that may administer.</param>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public static BigFsAccessKeys Connect(BigFsClientOptions options) =>
        new(new GrpcKeyDoor(ClientSettings.OfNameServer(options)));

    /// <summary>The keys in a metadata server's folder, which no process may use meanwhile.</summary>
    /// <param name="dataDirectory">The folder with "metadata.db"; made when it is not there.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <exception cref="BigFsException">DataInUse, DataUnreadable, InvalidSettings.</exception>
    public static async Task<BigFsAccessKeys> OpenAsync(string dataDirectory, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(dataDirectory);
        SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions { DataDirectory = Path.GetFullPath(dataDirectory) },
            TimeProvider.System,
            NullLogger.Instance,
            cancellationToken).ConfigureAwait(false);
        return new BigFsAccessKeys(new FolderKeyDoor(store));
    }

    /// <summary>Makes a key, and its root directory.</summary>
    /// <param name="wanted">Name, rights, root and expiry; the rest is ignored.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is known of it, and its text, "bigfs_...": whoever has that has the key.</returns>
    /// <exception cref="BigFsException">NotAllowed, Unauthenticated, InvalidArgument, NotDirectory, LimitExceeded, Unavailable.</exception>
    public async Task<(BigFsAccessKey Key, string Text)> CreateAsync(
        BigFsAccessKey wanted, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        AccessKey key = FirstAccessKey.NewKey();
        AccessRights rights = (wanted.CanRead ? AccessRights.Read : 0)
            | (wanted.CanWrite ? AccessRights.Write : 0)
            | (wanted.CanAdminister ? AccessRights.Admin : 0);
        AccessKeyRecord record =
            FirstAccessKey.Record(key, wanted.Name, rights, wanted.Root, wanted.Expires?.ToUniversalTime(), TimeProvider.System);
        record.Check();
        return (Of(await _door.CreateAsync(record, cancellationToken).ConfigureAwait(false)), key.Reveal());
    }

    /// <summary>All keys that the asking one may know of, revoked ones too, in the order of their making.</summary>
    /// <exception cref="BigFsException">NotAllowed, Unauthenticated, Unavailable.</exception>
    public async Task<IReadOnlyList<BigFsAccessKey>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await _door.ListAsync(cancellationToken).ConfigureAwait(false)).Select(Of)];

    /// <summary>Revokes a key for good; within five seconds no server takes it any more. False when there is none of this id.</summary>
    /// <exception cref="BigFsException">NotAllowed, Unauthenticated, Unavailable.</exception>
    public async Task<bool> RevokeAsync(string id, CancellationToken cancellationToken = default) =>
        await _door.RevokeAsync(id, cancellationToken).ConfigureAwait(false);

    /// <summary>Closes the connection or the folder.</summary>
    public ValueTask DisposeAsync() => _door.DisposeAsync();

    private static BigFsAccessKey Of(AccessKeyRecord record) => new()
    {
        Id = record.Id,
        Name = record.Name,
        CanRead = record.Rights.HasFlag(AccessRights.Read),
        CanWrite = record.Rights.HasFlag(AccessRights.Write),
        CanAdminister = record.Rights.HasFlag(AccessRights.Admin),
        Root = record.Root,
        Created = record.Created,
        Expires = record.Expires,
        Revoked = record.Revoked,
    };
}

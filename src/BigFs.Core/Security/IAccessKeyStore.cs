using System.Collections.Immutable;

namespace BigFs.Core.Security;

/// <summary>
/// Where the records of clients' keys are kept: beside the namespace, by its engine. Changes are durable before they
/// return, and may be repeated. Thread-safe.
/// </summary>
public interface IAccessKeyStore
{
    /// <summary>Most keys, revoked ones too: 10,000.</summary>
    const int MaxKeys = 10_000;

    /// <summary>Adds a key; the same one again is fine.</summary>
    /// <exception cref="BigFsException">AlreadyExists (another one of this id), LimitExceeded, InvalidArgument.</exception>
    ValueTask AddAsync(AccessKeyRecord record, CancellationToken cancellationToken);

    /// <summary>Adds the first key; false, and nothing is added, when there is any.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    ValueTask<bool> TryAddFirstAsync(AccessKeyRecord record, CancellationToken cancellationToken);

    /// <summary>The key of an id, revoked or not; null when there is none.</summary>
    ValueTask<AccessKeyRecord?> FindAsync(string id, CancellationToken cancellationToken);

    /// <summary>All keys, in the order of their ids.</summary>
    ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Revokes a key for good; one that is revoked stays as it is. False when there is none of this id.</summary>
    ValueTask<bool> RevokeAsync(string id, DateTimeOffset when, CancellationToken cancellationToken);
}

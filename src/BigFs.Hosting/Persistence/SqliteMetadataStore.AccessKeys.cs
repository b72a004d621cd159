using System.Collections.Immutable;
using BigFs.Core.Security;

namespace BigFs.Hosting.Persistence;

/// <summary>The keys of clients, in the same database: they are backed up, moved and restored with the names.</summary>
internal sealed partial class SqliteMetadataStore : IAccessKeyStore
{
    /// <inheritdoc/>
    public IAccessKeyStore AccessKeys => this;

    /// <inheritdoc/>
    public async ValueTask AddAsync(AccessKeyRecord record, CancellationToken cancellationToken)
    {
        record.Check();
        await _queue.RunAsync(() => _accessKeys.Add(record), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<bool> TryAddFirstAsync(AccessKeyRecord record, CancellationToken cancellationToken)
    {
        record.Check();
        return _queue.RunAsync(() => _accessKeys.TryAddFirst(record), cancellationToken);
    }

    /// <inheritdoc/>
    ValueTask<AccessKeyRecord?> IAccessKeyStore.FindAsync(string id, CancellationToken cancellationToken) =>
        AccessKey.IsId(id) ? _queue.RunAsync(() => _accessKeys.Find(id), cancellationToken) : new((AccessKeyRecord?)null);

    /// <inheritdoc/>
    ValueTask<ImmutableArray<AccessKeyRecord>> IAccessKeyStore.ListAsync(CancellationToken cancellationToken) =>
        _queue.RunAsync(_accessKeys.List, cancellationToken);

    /// <inheritdoc/>
    ValueTask<bool> IAccessKeyStore.RevokeAsync(string id, DateTimeOffset when, CancellationToken cancellationToken) =>
        AccessKey.IsId(id) ? _queue.RunAsync(() => _accessKeys.Revoke(id, when), cancellationToken) : new(false);
}

using System.Collections.Immutable;
using BigFs.Core.Security;
using BigFs.Hosting.Persistence;

namespace BigFs.Hosting.Access;

/// <summary>Keys on the folder of a metadata server that is stopped: whoever may write there needs no key.</summary>
internal sealed class FolderKeyDoor(SqliteMetadataStore store) : IKeyDoor
{
    private readonly IAccessKeyStore _keys = store;

    public async ValueTask<AccessKeyRecord> CreateAsync(AccessKeyRecord record, CancellationToken cancellationToken)
    {
        if (!record.Root.IsRoot)
        {
            await store.CreateDirectoryAsync(Guid.CreateVersion7(), record.Root, cancellationToken).ConfigureAwait(false);
        }

        await _keys.AddAsync(record, cancellationToken).ConfigureAwait(false);
        return record;
    }

    public async ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await _keys.ListAsync(cancellationToken).ConfigureAwait(false)).OrderBy(key => key.Created)];

    public ValueTask<bool> RevokeAsync(string id, CancellationToken cancellationToken) =>
        _keys.RevokeAsync(id, TimeProvider.System.GetUtcNow(), cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();
}

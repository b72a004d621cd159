using System.Collections.Immutable;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>How an administrator reaches keys.</summary>
internal interface IKeyDoor : IAsyncDisposable
{
    /// <summary>Keeps a key.</summary>
    ValueTask<AccessKeyRecord> CreateAsync(AccessKeyRecord record, CancellationToken cancellationToken);

    /// <summary>All that may be seen.</summary>
    ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Revokes one; false when there is none of this id.</summary>
    ValueTask<bool> RevokeAsync(string id, CancellationToken cancellationToken);
}

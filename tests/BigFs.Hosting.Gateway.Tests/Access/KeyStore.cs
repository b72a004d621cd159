using System.Collections.Immutable;
using BigFs.Core.Security;

namespace BigFs.Hosting.Gateway.Tests.Access;

/// <summary>One key, as a metadata server would know it.</summary>
internal sealed class KeyStore : IAccessKeyStore
{
    public AccessKeyRecord? Record { get; set; }

    /// <summary>Whether nobody answers.</summary>
    public bool IsAway { get; set; }

    public ValueTask<AccessKeyRecord?> FindAsync(string id, CancellationToken cancellationToken) =>
        IsAway ? throw new BigFsException(BigFsErrorCode.Unavailable, "The metadata server is away.")
        : ValueTask.FromResult(Record?.Id == id ? Record : null);

    public ValueTask AddAsync(AccessKeyRecord record, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<bool> TryAddFirstAsync(AccessKeyRecord record, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<bool> RevokeAsync(string id, DateTimeOffset when, CancellationToken cancellationToken) => throw new NotSupportedException();
}

using BigFs.Core.Metadata;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>
/// What every engine of the namespace promises. An engine's fixture opens it with sessions of 5 minutes, read leases and
/// retention of 1 hour, 2 replicas.
/// </summary>
internal abstract partial class MetadataStoreContract
{
    protected FakeTimeProvider Time { get; private set; } = new();

    protected IMetadataStore Store { get; private set; } = null!;

    protected virtual ITombstoneQueue Tombstones => (ITombstoneQueue)Store;

    protected abstract Task<IMetadataStore> OpenAsync(TimeProvider time);

    protected abstract Task CloseAsync();

    [SetUp]
    public async Task OpenNew()
    {
        Time = new FakeTimeProvider(new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero));
        Store = await OpenAsync(Time);
    }

    [TearDown]
    public Task Close() => CloseAsync();

    protected static async Task Refused(BigFsErrorCode code, Func<Task> action, string mentions = "")
    {
        BigFsException? exception = null;
        try
        {
            await action();
        }
        catch (BigFsException caught)
        {
            exception = caught;
        }

        Assert.That(exception?.Code, Is.EqualTo(code), exception?.ToString() ?? "nothing was refused");
        Assert.That(exception!.Message, Does.Contain(mentions));
    }

    /// <summary>For what may be refused before the call is under way.</summary>
    protected static Task Refused<T>(BigFsErrorCode code, Func<ValueTask<T>> call, string mentions = "") =>
        Refused(code, (Func<Task>)(async () => await call()), mentions);

    protected static Task Refused<T>(BigFsErrorCode code, ValueTask<T> call, string mentions = "") =>
        Refused(code, async () => await call, mentions);

    protected static Task Refused(BigFsErrorCode code, ValueTask call, string mentions = "") =>
        Refused(code, async () => await call, mentions);
}

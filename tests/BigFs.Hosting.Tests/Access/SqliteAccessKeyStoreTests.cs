using BigFs.Core.Security;
using BigFs.Hosting.Access;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Persistence;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SqliteAccessKeyStoreTests : AccessKeyStoreContract, IAsyncDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private SqliteMetadataStore? _store;

    [Test]
    public async Task The_keys_of_a_folder_are_managed_while_its_server_is_stopped_and_not_while_it_runs()
    {
        string text;
        await using (BigFsAccessKeys keys = await BigFsAccessKeys.OpenAsync(_folder.Path))
        {
            (BigFsAccessKey made, text) = await keys.CreateAsync(
                new BigFsAccessKey { Id = "", Name = "first", CanAdminister = true, Root = "/a/b" });
            Assert.That((await keys.ListAsync()).Select(key => key.Id), Is.EqualTo(new[] { made.Id }));
        }

        IAccessKeyStore store = await OpenAsync();
        AccessKey key = AccessKey.TryParse(text)!;
        Assert.That(key.Is((await store.FindAsync(key.Id, default))!.Hash), Is.True);
        Assert.That(await _store!.FindAsync("/a/b", withManifest: false, default), Is.Not.Null, "its root was made");
        Assert.That(
            (await Assert.ThrowsAsync<BigFsException>(() => BigFsAccessKeys.OpenAsync(_folder.Path)))!.Code,
            Is.EqualTo(BigFsErrorCode.DataInUse));
    }

    [Test]
    public async Task Nothing_of_a_key_is_in_the_database()
    {
        string text;
        await using (BigFsAccessKeys keys = await BigFsAccessKeys.OpenAsync(_folder.Path))
        {
            (_, text) = await keys.CreateAsync(new BigFsAccessKey { Id = "", Name = "first", CanRead = true });
        }

        string secret = text[23..];
        foreach (string file in Directory.EnumerateFiles(_folder.Path))
        {
            Assert.That(System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file)), Does.Not.Contain(secret), file);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        _folder.Dispose();
    }

    protected override async Task<IAccessKeyStore> OpenAsync() => _store = await SqliteMetadataStore.OpenAsync(
        new SqliteMetadataOptions { DataDirectory = _folder.Path }, TimeProvider.System, NullLogger.Instance, default);
}

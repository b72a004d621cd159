using BigFs.Core.Security;
using BigFs.Hosting.Access;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>What every engine's store of access keys promises.</summary>
internal abstract class AccessKeyStoreContract
{
    private static readonly DateTimeOffset Now = new(2026, 11, 25, 1, 2, 3, TimeSpan.Zero);

    [Test]
    public async Task A_key_is_found_and_listed_as_it_was_added()
    {
        IAccessKeyStore store = await OpenAsync();
        AccessKeyRecord one = Record("one", AccessRights.All) with { Expires = Now.AddDays(1) };
        AccessKeyRecord two = Record("zwei é 🙂", AccessRights.Read) with { Root = "/a/b c/é" };
        await store.AddAsync(one, default);
        await store.AddAsync(two, default);

        AssertSame(await store.FindAsync(one.Id, default), one);
        AssertSame(await store.FindAsync(two.Id, default), two);
        Assert.That((await store.ListAsync(default)).Select(key => key.Id), Is.EqualTo(new[] { one.Id, two.Id }.Order(StringComparer.Ordinal)));
        Assert.That(await store.FindAsync("0123456789abcdef", default), Is.Null);
        Assert.That(await store.FindAsync("' OR 1=1 --", default), Is.Null);
    }

    [Test]
    public async Task The_same_key_again_is_fine_and_another_of_its_id_is_refused()
    {
        IAccessKeyStore store = await OpenAsync();
        AccessKeyRecord key = Record("one", AccessRights.Read);
        await store.AddAsync(key, default);
        await store.AddAsync(key, default);
        AccessKeyRecord other = Record("other", AccessRights.All) with { Id = key.Id };

        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => store.AddAsync(other, default).AsTask()))!;

        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.AlreadyExists));
        AssertSame(await store.FindAsync(key.Id, default), key);
    }

    [Test]
    public async Task A_revocation_is_for_good_and_keeps_its_first_time()
    {
        IAccessKeyStore store = await OpenAsync();
        AccessKeyRecord key = Record("one", AccessRights.Read);
        await store.AddAsync(key, default);

        Assert.That(await store.RevokeAsync(key.Id, Now.AddHours(1), default), Is.True);
        Assert.That(await store.RevokeAsync(key.Id, Now.AddHours(2), default), Is.True);
        await store.AddAsync(key, default);

        AssertSame(await store.FindAsync(key.Id, default), key with { Revoked = Now.AddHours(1) });
        Assert.That(await store.RevokeAsync("0123456789abcdef", Now, default), Is.False);
    }

    [Test]
    public async Task Of_many_first_keys_one_is_added()
    {
        IAccessKeyStore store = await OpenAsync();
        bool[] added = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            i => store.TryAddFirstAsync(Record($"first {i}", AccessRights.All), default).AsTask()));

        Assert.That(added.Count(one => one), Is.EqualTo(1));
        Assert.That(await store.ListAsync(default), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task What_breaks_a_rule_is_not_kept()
    {
        IAccessKeyStore store = await OpenAsync();
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(
            () => store.AddAsync(Record("", AccessRights.Read), default).AsTask()))!;

        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
        Assert.That(await store.ListAsync(default), Is.Empty);
    }

    /// <summary>An empty store; the test's to close.</summary>
    protected abstract Task<IAccessKeyStore> OpenAsync();

    private static AccessKeyRecord Record(string name, AccessRights rights)
    {
        AccessKey key = FirstAccessKey.NewKey();
        return FirstAccessKey.Record(key, name, rights, BigFsPath.Root, null, TimeProvider.System) with { Created = Now };
    }

    private static void AssertSame(AccessKeyRecord? found, AccessKeyRecord expected)
    {
        Assert.That(found, Is.Not.Null);
        Assert.That(found!.Hash, Is.EqualTo(expected.Hash));
        Assert.That(found with { Hash = expected.Hash }, Is.EqualTo(expected));
    }
}

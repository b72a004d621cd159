using BigFs.Core.Security;
using BigFs.Hosting.Access;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>What is under way ends when its owner's key does, by a clock of the test's.</summary>
[CancelAfter(60_000)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class KeysUnderWayTests : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
    private readonly AccessKeyRecord _key;
    private readonly KeysUnderWay _underWay;
    private Func<AccessKeyRecord?> _store;
    private int _asked;

    public KeysUnderWayTests()
    {
        _key = FirstAccessKey.Record(FirstAccessKey.NewKey(), "test", AccessRights.Read, BigFsPath.Root, null, _time);
        _store = () => _key;
        _underWay = new KeysUnderWay(LatestAsync, Every, _time);
    }

    private AccessKeyRecord Revoked => _key with { Revoked = _time.GetUtcNow() };

    public ValueTask DisposeAsync() => _underWay.DisposeAsync();

    [Test]
    public async Task A_revocation_ends_it_with_the_next_look_up_and_says_why()
    {
        Task work = UntilEndAsync(_key);
        _time.Advance(Every);
        Assert.That(work.IsCompleted, Is.False);

        _store = () => Revoked;
        _time.Advance(Every);

        await RefusedAsync(work, "was revoked");
        Assert.That(_underWay.Count, Is.Zero);
    }

    [Test]
    public async Task A_key_that_is_no_longer_there_ends_it()
    {
        Task work = UntilEndAsync(_key);
        _store = () => null;
        _time.Advance(Every);

        await RefusedAsync(work, "no access key");
    }

    [Test]
    public async Task Its_own_time_ends_it_even_while_nobody_can_be_asked()
    {
        AccessKeyRecord mortal = _key with { Expires = _time.GetUtcNow() + TimeSpan.FromSeconds(90) };
        _store = () => throw new BigFsException(BigFsErrorCode.Unavailable, "away");
        Task work = UntilEndAsync(mortal);
        _time.Advance(TimeSpan.FromSeconds(89));
        Assert.That(work.IsCompleted, Is.False);

        _time.Advance(Every);

        await RefusedAsync(work, "has expired");
    }

    [Test]
    public async Task While_nobody_can_be_asked_it_goes_on_and_the_first_answer_decides()
    {
        Task revoked = UntilEndAsync(_key);
        _store = () => throw new BigFsException(BigFsErrorCode.Unavailable, "away");
        _time.Advance(TimeSpan.FromHours(1));
        Assert.That(revoked.IsCompleted, Is.False);

        _store = () => Revoked;
        _time.Advance(Every);

        await RefusedAsync(revoked, "was revoked");
    }

    [Test]
    public async Task What_another_look_up_found_ends_it_before_that_one_is_answered()
    {
        bool told = false;
        Task work = _underWay.WhileGoodAsync(
            _key,
            async end =>
            {
                await using CancellationTokenRegistration _ = end.Register(() => told = true);
                await Task.Delay(Timeout.Infinite, end);
            },
            default);

        await _underWay.TakeAsync(_key.Id, Revoked);

        Assert.That(told, Is.True);
        await RefusedAsync(work, "was revoked");
    }

    [Test]
    public async Task Much_under_way_asks_once_at_a_time_and_nothing_asks_no_more()
    {
        using var gone = new CancellationTokenSource();
        Task[] all = [.. Enumerable.Range(0, 100).Select(_ => UntilEndAsync(_key, gone.Token))];
        _time.Advance(Every);
        _time.Advance(Every);
        Assert.That((_asked, _underWay.Count), Is.EqualTo((2, 1)));

        await gone.CancelAsync();
        foreach (Task one in all)
        {
            Assert.That(async () => await one, Throws.InstanceOf<OperationCanceledException>(), "the caller's own end is no refusal");
        }

        _time.Advance(Every);
        Assert.That((_asked, _underWay.Count), Is.EqualTo((2, 0)));
    }

    [Test]
    public async Task What_it_throws_itself_passes_and_what_ended_well_is_not_undone()
    {
        Assert.That(
            async () => await _underWay.WhileGoodAsync(_key, _ => throw new IOException("broken"), default), Throws.TypeOf<IOException>());
        await _underWay.WhileGoodAsync(_key, _ => _underWay.TakeAsync(_key.Id, Revoked), default);
        Assert.That(_underWay.Count, Is.Zero);
    }

    [Test]
    public async Task An_older_answer_does_not_take_an_end_back()
    {
        Task work = _underWay.WhileGoodAsync(
            _key,
            async end =>
            {
                await _underWay.TakeAsync(_key.Id, Revoked);
                await _underWay.TakeAsync(_key.Id, _key);
                end.ThrowIfCancellationRequested();
            },
            default);

        await RefusedAsync(work, "was revoked");
    }

    private static async Task RefusedAsync(Task work, string words)
    {
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => work))!;
        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.Unauthenticated), refused.Message);
        Assert.That(refused.Message, Does.Contain(words));
    }

    private Task UntilEndAsync(AccessKeyRecord key, CancellationToken caller = default) =>
        _underWay.WhileGoodAsync(key, end => Task.Delay(Timeout.Infinite, end), caller);

    private async Task<AccessKeyRecord?> LatestAsync(string id)
    {
        Assert.That(id, Is.EqualTo(_key.Id));
        _asked++;
        await Task.CompletedTask;
        return _store();
    }
}

using System.Collections.Immutable;
using BigFs.Core.Security;
using BigFs.Hosting.Access;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class AccessKeyCheckerTests : IAsyncDisposable
{
    private static readonly AccessKeyCheckerOptions Options = new();

    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
    private readonly Store _store = new();
    private readonly AccessKey _key = FirstAccessKey.NewKey();
    private readonly AccessKeyChecker _checker;

    public AccessKeyCheckerTests() => _checker = new AccessKeyChecker(_store, Options, _time);

    public ValueTask DisposeAsync() => _checker.DisposeAsync();

    [Test]
    public async Task A_key_is_looked_up_once_and_believed_for_a_while()
    {
        _store.Keys[_key.Id] = Record();
        for (int i = 0; i < 10; i++)
        {
            Assert.That((await _checker.CheckAsync(_key.Reveal(), default)).Id, Is.EqualTo(_key.Id));
        }

        Assert.That(_store.Asked, Is.EqualTo(1));
    }

    [Test]
    public async Task A_revocation_takes_effect_when_what_is_known_is_no_longer_believed_or_was_looked_up_again()
    {
        _store.Keys[_key.Id] = Record();
        AccessKeyRecord admitted = await _checker.CheckAsync(_key.Reveal(), default);
        _store.Keys[_key.Id] = Record() with { Revoked = _time.GetUtcNow() };
        Assert.That(await _checker.CheckAsync(_key.Reveal(), default), Is.Not.Null, "within its seconds");

        // Beside this call it is looked up again; the store answers at once.
        _time.Advance(Options.RefreshAfter);
        _ = await _checker.RecheckAsync(admitted, default);
        await RefusedAsync(() => _checker.CheckAsync(_key.Reveal(), default).AsTask(), BigFsErrorCode.Unauthenticated, "revoked");
        await RefusedAsync(() => _checker.RecheckAsync(admitted, default).AsTask(), BigFsErrorCode.Unauthenticated, "revoked");
    }

    [Test]
    public async Task While_the_store_is_away_what_is_old_admits_nobody()
    {
        _store.Keys[_key.Id] = Record();
        _ = await _checker.CheckAsync(_key.Reveal(), default);
        _store.Failure = new BigFsException(BigFsErrorCode.Unavailable, "away");
        Assert.That(await _checker.CheckAsync(_key.Reveal(), default), Is.Not.Null);
        _time.Advance(Options.BelieveFor);
        await RefusedAsync(() => _checker.CheckAsync(_key.Reveal(), default).AsTask(), BigFsErrorCode.Unavailable, "cannot be checked");

        _store.Failure = null;
        Assert.That(await _checker.CheckAsync(_key.Reveal(), default), Is.Not.Null);
    }

    [Test]
    public async Task A_refusal_between_roles_is_not_taken_for_the_clients()
    {
        _store.Failure = new BigFsException(BigFsErrorCode.Unauthenticated, "another secret");
        await RefusedAsync(() => _checker.CheckAsync(_key.Reveal(), default).AsTask(), BigFsErrorCode.Unavailable, "another secret");
    }

    [Test]
    public async Task Who_knows_the_id_alone_is_refused_as_who_knows_nothing_and_never_told_more()
    {
        _store.Keys[_key.Id] = Record() with { Revoked = _time.GetUtcNow() };
        string text = _key.Reveal();
        string guess = text[..^1] + (text[^1] == 'A' ? 'B' : 'A');
        await RefusedAsync(() => _checker.CheckAsync(guess, default).AsTask(), BigFsErrorCode.Unauthenticated, "another secret");
        await RefusedAsync(() => _checker.CheckAsync(null, default).AsTask(), BigFsErrorCode.Unauthenticated, "ApiKey");
        BigFsException unreadable =
            await RefusedAsync(() => _checker.CheckAsync("hunter2", default).AsTask(), BigFsErrorCode.Unauthenticated, "no access key");
        Assert.That(unreadable.Message, Does.Not.Contain("hunter2"));
    }

    [Test]
    public async Task A_key_ends_at_its_time_though_it_is_believed()
    {
        _store.Keys[_key.Id] = Record() with { Expires = _time.GetUtcNow() + TimeSpan.FromMilliseconds(500) };
        _ = await _checker.CheckAsync(_key.Reveal(), default);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        await RefusedAsync(() => _checker.CheckAsync(_key.Reveal(), default).AsTask(), BigFsErrorCode.Unauthenticated, "expired");
    }

    [Test]
    public async Task Keys_that_are_made_up_take_neither_memory_nor_the_store_without_bound()
    {
        _store.Gate = new TaskCompletionSource();
        Task[] guesses = [.. Enumerable.Range(0, 200).Select(_ => RefusedAsync(
            () => _checker.CheckAsync(FirstAccessKey.NewKey().Reveal(), default).AsTask(), BigFsErrorCode.Unauthenticated, "no access key"))];
        Assert.That(_store.Asked, Is.EqualTo(64), "look-ups at a time");
        _store.Gate.SetResult();
        await Task.WhenAll(guesses);
        Assert.That(_store.Asked, Is.EqualTo(200));
    }

    private static async Task<BigFsException> RefusedAsync(Func<Task> call, BigFsErrorCode code, string words)
    {
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => call()))!;
        Assert.That(refused.Code, Is.EqualTo(code), refused.Message);
        Assert.That(refused.Message, Does.Contain(words));
        return refused;
    }

    private AccessKeyRecord Record() =>
        FirstAccessKey.Record(_key, "test", AccessRights.Read, BigFsPath.Root, null, _time);

    private sealed class Store : IAccessKeyStore
    {
        private int _asked;

        public Dictionary<string, AccessKeyRecord> Keys { get; } = [];

        public BigFsException? Failure { get; set; }

        public TaskCompletionSource? Gate { get; set; }

        public int Asked => Volatile.Read(ref _asked);

        public async ValueTask<AccessKeyRecord?> FindAsync(string id, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            if (Gate is { } gate)
            {
                await gate.Task;
            }

            return Failure is { } failure ? throw failure : Keys.GetValueOrDefault(id);
        }

        public ValueTask AddAsync(AccessKeyRecord record, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<bool> TryAddFirstAsync(AccessKeyRecord record, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<ImmutableArray<AccessKeyRecord>> ListAsync(CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<bool> RevokeAsync(string id, DateTimeOffset when, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}

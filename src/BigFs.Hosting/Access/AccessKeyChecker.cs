using System.Collections.Concurrent;
using BigFs.Core.Model;
using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>How long what is known of a key is believed.</summary>
internal sealed record AccessKeyCheckerOptions
{
    /// <summary>After which age a key is looked up again beside the calls; default 1 s.</summary>
    public TimeSpan RefreshAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After which age nothing is admitted before it was looked up again; default 3 s.</summary>
    public TimeSpan BelieveFor { get; init; } = TimeSpan.FromSeconds(3);

    /// <exception cref="BigFsException">InvalidSettings, naming the setting.</exception>
    public void Validate()
    {
        SettingsCheck.Positive(RefreshAfter, nameof(RefreshAfter));
        SettingsCheck.Require(
            BelieveFor >= RefreshAfter && BelieveFor <= TimeSpan.FromMinutes(1), nameof(BelieveFor), BelieveFor, "at least RefreshAfter and at most a minute");
    }
}

/// <summary>
/// Checks clients' keys, from memory for seconds: a revocation takes effect everywhere within <see
/// cref="AccessKeyCheckerOptions.BelieveFor"/> and one look-up. While the store is away nobody is admitted on what is older.
/// Memory and look-ups at a time are bounded, whatever keys strangers make up. Thread-safe.
/// </summary>
internal sealed class AccessKeyChecker : IAsyncDisposable
{
    private const int MostKnown = 16_384;
    private const int MostLookups = 64;

    private readonly IAccessKeyStore _store;
    private readonly AccessKeyCheckerOptions _options;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task<AccessKeyRecord?>> _asking = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _lookups = new(MostLookups, MostLookups);
    private readonly CancellationTokenSource _stop = new();
    private readonly KeysUnderWay _underWay;

    /// <summary>Makes a checker; the store stays the caller's.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public AccessKeyChecker(IAccessKeyStore store, AccessKeyCheckerOptions options, TimeProvider time)
    {
        options.Validate();
        (_store, _options, _time) = (store, options, time);
        _underWay = new KeysUnderWay(LatestAsync, options.RefreshAfter, time);
    }

    /// <summary>Keys of whose owners something is under way.</summary>
    public int UnderWay => _underWay.Count;

    /// <summary>The record of a key that came with a call.</summary>
    /// <param name="text">The key; null when none came.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BigFsException">Unauthenticated; Unavailable: keys cannot be checked now.</exception>
    public async ValueTask<AccessKeyRecord> CheckAsync(string? text, CancellationToken cancellationToken)
    {
        if (text is null)
        {
            throw AccessErrors.NoKey();
        }

        if (AccessKey.TryParse(text) is not { } key)
        {
            throw AccessErrors.Unreadable();
        }

        AccessKeyRecord? record = await FindAsync(key.Id, cancellationToken).ConfigureAwait(false);
        return record is not null && key.Is(record.Hash) ? Living(key.Id, record) : throw AccessErrors.Unknown(key.Id);
    }

    /// <summary>The record as it is now of a key that was checked before.</summary>
    /// <exception cref="BigFsException">As <see cref="CheckAsync"/>.</exception>
    public async ValueTask<AccessKeyRecord> RecheckAsync(AccessKeyRecord before, CancellationToken cancellationToken) =>
        Living(before.Id, await FindAsync(before.Id, cancellationToken).ConfigureAwait(false));

    /// <summary>
    /// Does something for the owner of a key that was checked before, a content or a stream, which ends when the key does: within
    /// <see cref="AccessKeyCheckerOptions.RefreshAfter"/> and one look-up. While the store is away it goes on.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="work">What is done, until its token is cancelled.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="BigFsException">Unauthenticated: the key ended meanwhile. And what the work throws.</exception>
    public Task WhileGoodAsync(AccessKeyRecord key, Func<CancellationToken, Task> work, CancellationToken cancellationToken) =>
        _underWay.WhileGoodAsync(key, work, cancellationToken);

    /// <summary>Forgets what it knows of a key: it was changed just now.</summary>
    public void Forget(string id) => _known.TryRemove(id, out _);

    /// <summary>Ends the look-ups under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _underWay.DisposeAsync().ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (Task<AccessKeyRecord?> asking in _asking.Values)
        {
            await ((Task)asking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _stop.Dispose();
        _lookups.Dispose();
    }

    private AccessKeyRecord Living(string id, AccessKeyRecord? record) =>
        AccessErrors.EndOf(id, record, _time.GetUtcNow()) is { } why ? throw why : record!;

    /// <summary>The record as it was looked up a moment ago, or is now.</summary>
    private Task<AccessKeyRecord?> LatestAsync(string id) =>
        _known.TryGetValue(id, out Known? known) && _time.GetElapsedTime(known.AskedAt) < _options.RefreshAfter
            ? Task.FromResult(known.Record)
            : AskOnceAsync(id);

    private async ValueTask<AccessKeyRecord?> FindAsync(string id, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(id, out Known? known))
        {
            TimeSpan age = _time.GetElapsedTime(known.AskedAt);
            if (age < _options.BelieveFor)
            {
                if (age >= _options.RefreshAfter)
                {
                    _ = AskOnceAsync(id);
                }

                return known.Record;
            }
        }

        try
        {
            return await AskOnceAsync(id).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException away)
        {
            throw AccessErrors.Unchecked(away);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new BigFsException(BigFsErrorCode.Unavailable, "The role is stopping.");
        }
    }

    /// <summary>Looks a key up, once for all who wait for it.</summary>
    private Task<AccessKeyRecord?> AskOnceAsync(string id)
    {
        if (_asking.TryGetValue(id, out Task<AccessKeyRecord?>? under))
        {
            return under;
        }

        var promise = new TaskCompletionSource<AccessKeyRecord?>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<AccessKeyRecord?> shared = _asking.GetOrAdd(id, promise.Task);
        if (shared == promise.Task)
        {
            _ = AskAsync(id, promise);
        }

        return shared;
    }

    /// <summary>Never throws: what happens is the promise's.</summary>
    private async Task AskAsync(string id, TaskCompletionSource<AccessKeyRecord?> promise)
    {
        try
        {
            await _lookups.WaitAsync(_stop.Token).ConfigureAwait(false);
            try
            {
                long askedAt = _time.GetTimestamp();
                AccessKeyRecord? record = await _store.FindAsync(id, _stop.Token).ConfigureAwait(false);
                if (_known.Count >= MostKnown)
                {
                    _known.Clear();
                }

                _known[id] = new Known(record, askedAt);
                _asking.TryRemove(id, out _);
                await _underWay.TakeAsync(id, record).ConfigureAwait(false);
                promise.TrySetResult(record);
            }
            finally
            {
                _lookups.Release();
            }
        }
        catch (Exception failure)
        {
            _asking.TryRemove(id, out _);
            promise.TrySetException(failure);
            _ = promise.Task.Exception; // seen: a look-up beside the calls has nobody who waits
        }
    }

    private sealed record Known(AccessKeyRecord? Record, long AskedAt);
}

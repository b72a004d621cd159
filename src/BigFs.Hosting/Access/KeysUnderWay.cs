using BigFs.Core.Security;

namespace BigFs.Hosting.Access;

/// <summary>
/// What the owners of keys have under way, by key: it ends when the key does. A key is looked up in turns while something of its
/// owner's is under way, with one timer however much that is. A look-up that fails ends nothing: what was admitted
/// goes on until an answer says otherwise, or the key's time is up. Thread-safe.
/// </summary>
internal sealed class KeysUnderWay : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Followed> _keys = new(StringComparer.Ordinal);
    private readonly Func<string, Task<AccessKeyRecord?>> _latest;
    private readonly TimeSpan _every;
    private readonly TimeProvider _time;

    /// <summary>Makes it.</summary>
    /// <param name="latest">A key's record as it is now, or was a moment ago; null when there is no such key.</param>
    /// <param name="every">How often it is asked.</param>
    /// <param name="time">Clock.</param>
    public KeysUnderWay(Func<string, Task<AccessKeyRecord?>> latest, TimeSpan every, TimeProvider time) =>
        (_latest, _every, _time) = (latest, every, time);

    /// <summary>Keys of whose owners something is under way.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _keys.Count;
            }
        }
    }

    /// <summary>Does something that ends when the key does.</summary>
    /// <param name="key">A key that was good a moment ago.</param>
    /// <param name="work">What is done, until its token is cancelled.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="BigFsException">Unauthenticated: the key ended meanwhile. And what the work throws.</exception>
    public async Task WhileGoodAsync(AccessKeyRecord key, Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        Followed followed = Enter(key);
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, followed.Ended);
            await work(either.Token).ConfigureAwait(false);
        }
        catch (Exception) when (followed.IsOver && !cancellationToken.IsCancellationRequested)
        {
            throw followed.Why!;
        }
        finally
        {
            await LeaveAsync(followed).ConfigureAwait(false);
        }
    }

    /// <summary>Takes in what a look-up has found: if the key has ended, what is under way is told before this returns.</summary>
    public Task TakeAsync(string id, AccessKeyRecord? record)
    {
        Followed? followed;
        lock (_gate)
        {
            followed = _keys.GetValueOrDefault(id);
        }

        return followed?.TakeAsync(record) ?? Task.CompletedTask;
    }

    /// <summary>Asks no more; what is under way goes on.</summary>
    public async ValueTask DisposeAsync()
    {
        Followed[] left;
        lock (_gate)
        {
            left = [.. _keys.Values];
        }

        foreach (Followed one in left)
        {
            await one.StopAsync().ConfigureAwait(false);
        }
    }

    private Followed Enter(AccessKeyRecord key)
    {
        lock (_gate)
        {
            if (!_keys.TryGetValue(key.Id, out Followed? followed) || followed.IsOver)
            {
                followed = new Followed(key, this);
                _keys[key.Id] = followed;
            }

            followed.Users++;
            return followed;
        }
    }

    private async ValueTask LeaveAsync(Followed followed)
    {
        lock (_gate)
        {
            if (--followed.Users > 0)
            {
                return;
            }

            if (_keys.GetValueOrDefault(followed.Id) == followed)
            {
                _keys.Remove(followed.Id);
            }
        }

        await followed.StopAsync().ConfigureAwait(false);
    }

    /// <summary>A key, and the end of what is under way with it.</summary>
    private sealed class Followed
    {
        // Not disposed: it has no timer and no handle, and may be cancelled after the last one has left.
        private readonly CancellationTokenSource _ended = new();
        private readonly KeysUnderWay _all;
        private readonly ITimer _timer;
        private volatile AccessKeyRecord? _record;
        private int _asking;

        public Followed(AccessKeyRecord key, KeysUnderWay all)
        {
            (Id, _record, _all) = (key.Id, key, all);
            _timer = all._time.CreateTimer(static state => _ = ((Followed)state!).AskAsync(), this, all._every, all._every);
        }

        public string Id { get; }

        /// <summary>Guarded by the gate of all.</summary>
        public int Users { get; set; }

        /// <summary>Cancelled when the key has ended.</summary>
        public CancellationToken Ended => _ended.Token;

        public bool IsOver => _ended.IsCancellationRequested;

        /// <summary>Why the key is not good; null when it is.</summary>
        public BigFsException? Why => AccessErrors.EndOf(Id, _record, _all._time.GetUtcNow());

        public async Task TakeAsync(AccessKeyRecord? record)
        {
            // An end is for good: no older answer takes it back.
            if (!IsOver)
            {
                _record = record;
                if (Why is not null)
                {
                    await _ended.CancelAsync().ConfigureAwait(false);
                }
            }
        }

        public ValueTask StopAsync() => _timer.DisposeAsync();

        /// <summary>Never throws.</summary>
        private async Task AskAsync()
        {
            if (Interlocked.Exchange(ref _asking, 1) != 0)
            {
                await TakeAsync(_record).ConfigureAwait(false);
                return;
            }

            Task<AccessKeyRecord?> asked = _all._latest(Id);
            await ((Task)asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await TakeAsync(asked.IsCompletedSuccessfully ? await asked.ConfigureAwait(false) : _record).ConfigureAwait(false);
            Volatile.Write(ref _asking, 0);
        }
    }
}

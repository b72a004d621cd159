namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>
/// What concurrent clients asked for and were told, in the order in which it happened; kept outside of the servers. An
/// event is noted before its operation is sent, and its answer after that has come. Thread-safe.
/// </summary>
internal sealed class History
{
    private readonly Lock _lock = new();
    private readonly List<HistoryEvent> _events = [];
    private long _time;

    /// <summary>How many answers there are that say that something was done.</summary>
    public int Acknowledged { get; private set; }

    /// <summary>All events so far.</summary>
    public IReadOnlyList<HistoryEvent> Events
    {
        get
        {
            lock (_lock)
            {
                return [.. _events];
            }
        }
    }

    /// <summary>Notes that an operation is about to be sent.</summary>
    public HistoryEvent Invoke(int client, Call call)
    {
        lock (_lock)
        {
            var invoked = new HistoryEvent(client, call, ++_time);
            _events.Add(invoked);
            return invoked;
        }
    }

    /// <summary>Notes its answer; null: none came, which leaves it open.</summary>
    public void Return(HistoryEvent invoked, Answer? answer)
    {
        if (answer is null)
        {
            return;
        }

        lock (_lock)
        {
            invoked.Answer = answer;
            invoked.Returned = ++_time;
            Acknowledged += answer.Refusal is null && invoked.Call is not (FindCall or ListCall) ? 1 : 0;
        }
    }
}

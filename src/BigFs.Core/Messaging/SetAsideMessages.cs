using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace BigFs.Core.Messaging;

/// <summary>
/// Messages that a bus did not understand: counted, the last ones kept, the first of each kind told. They harm nobody:
/// events are hints, and what they hinted at is found out by asking. Thread-safe.
/// </summary>
/// <param name="time">Says when they came.</param>
/// <param name="logger">Is told of the first of each topic and reason, and of all others for debugging.</param>
public sealed partial class SetAsideMessages(TimeProvider time, ILogger logger)
{
    /// <summary>How many are kept.</summary>
    public const int Capacity = 32;

    /// <summary>How much of each is kept, bytes.</summary>
    public const int MostBytes = 256;

    private readonly Lock _lock = new();
    private readonly Queue<SetAsideMessage> _last = new(Capacity);
    private readonly HashSet<(string Topic, SetAsideReason Reason)> _told = [];
    private long _count;

    /// <summary>How many there were in all.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>The last ones, oldest first.</summary>
    public ImmutableArray<SetAsideMessage> Last
    {
        get
        {
            lock (_lock)
            {
                return [.. _last];
            }
        }
    }

    /// <summary>Sets one aside.</summary>
    /// <param name="topic">Its topic; null when it is not known.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="reason">Why.</param>
    /// <param name="message">Its bytes.</param>
    public void Add(ClusterTopic? topic, string source, SetAsideReason reason, ReadOnlySpan<byte> message)
    {
        string name = topic?.Name() ?? "";
        var one = new SetAsideMessage
        {
            At = time.GetUtcNow(),
            Topic = name,
            Source = source,
            Reason = reason,
            Length = message.Length,
            Head = [.. message[..Math.Min(message.Length, MostBytes)]],
        };
        bool isFirst;
        lock (_lock)
        {
            if (_last.Count == Capacity)
            {
                _last.Dequeue();
            }

            _last.Enqueue(one);
            isFirst = _told.Add((name, reason));
        }

        Interlocked.Increment(ref _count);
        ClusterBusMetrics.SetAside(name, reason);
        if (isFirst)
        {
            LogFirst(reason, source, name, message.Length);
        }
        else
        {
            LogAnother(reason, source, name, message.Length);
        }
    }

    [LoggerMessage(EventId = 1141, EventName = "ClusterBusMessageSetAside", Level = LogLevel.Warning,
        Message = "A message was set aside ({Reason}): from {Source}, topic \"{Topic}\", {Length} bytes; further ones are counted")]
    private partial void LogFirst(SetAsideReason reason, string source, string topic, int length);

    [LoggerMessage(EventId = 1142, EventName = "ClusterBusMessageSetAsideAgain", Level = LogLevel.Debug,
        Message = "A message was set aside ({Reason}): from {Source}, topic \"{Topic}\", {Length} bytes")]
    private partial void LogAnother(SetAsideReason reason, string source, string topic, int length);
}

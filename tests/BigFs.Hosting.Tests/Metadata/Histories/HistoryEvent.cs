namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>One operation of a history: when it was asked for, when it was answered, and what was said.</summary>
internal sealed class HistoryEvent(int client, Call call, long invoked)
{
    public int Client => client;

    public Call Call => call;

    public long Invoked => invoked;

    /// <summary>When its answer came; the end of time while there is none.</summary>
    public long Returned { get; set; } = long.MaxValue;

    /// <summary>What was answered; null when nobody knows, which may stay so for ever.</summary>
    public Answer? Answer { get; set; }

    public override string ToString() =>
        $"client {Client} [{Invoked}, {(Answer is null ? "open" : Returned)}] {Call} -> {Answer?.ToString() ?? "not known"}";
}

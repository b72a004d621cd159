using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Tests;

/// <summary>A log that remembers the names of its events and who asked for it.</summary>
internal sealed class RecordedLog : ILogger, ILoggerFactory
{
    private readonly ConcurrentQueue<string?> _events = new();

    public ConcurrentQueue<string> Categories { get; } = new();

    public int Count(string eventName) => _events.Count(name => name == eventName);

    public ILogger CreateLogger(string categoryName)
    {
        Categories.Enqueue(categoryName);
        return this;
    }

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("A recorded log has no providers.");

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _events.Enqueue(eventId.Name);

    public void Dispose()
    {
    }
}

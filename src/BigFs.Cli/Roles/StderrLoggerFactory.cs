using System.Globalization;
using BigFs.Cli.Output;
using Microsoft.Extensions.Logging;

namespace BigFs.Cli.Roles;

/// <summary>
/// Log events as lines on standard error: time, level, event id, message. From the given level on for BigFS's own
/// categories, from <see cref="LogLevel.Warning"/> on for what it stands on.
/// </summary>
internal sealed class StderrLoggerFactory(CliConsole console, TimeProvider time, LogLevel least) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new StderrLogger(
        console,
        time,
        categoryName.StartsWith("BigFs", StringComparison.Ordinal) ? least : LogLevel.Warning);

    /// <summary>There is one place that events go to.</summary>
    public void AddProvider(ILoggerProvider provider) =>
        throw new NotSupportedException("Log events of this process go to standard error only.");

    public void Dispose()
    {
        // Standard error stays open.
    }

    private sealed class StderrLogger(CliConsole console, TimeProvider time, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            string moment = time.GetUtcNow().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
            string message = formatter(state, exception);
            string cause = exception is null ? "" : $": {exception.GetType().Name}: {exception.Message}";
            console.Error.WriteLine($"{moment} {Name(logLevel)} {eventId.Id} {Text.OneLine(message + cause)}");
        }

        private static string Name(LogLevel level) => level switch
        {
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "fail",
            LogLevel.Critical => "crit",
            _ => "debug",
        };
    }
}

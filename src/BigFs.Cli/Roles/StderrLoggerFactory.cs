using System.Globalization;
using BigFs.Cli.Output;
using Microsoft.Extensions.Logging;

namespace BigFs.Cli.Roles;

/// <summary>
/// Log events as lines on standard error: time, level, event id, message. From the given level on for BigFS's own
/// categories, from <see cref="LogLevel.Warning"/> on for what it stands on.
/// </summary>
/// <param name="console">Where lines go.</param>
/// <param name="time">The clock.</param>
/// <param name="least">The least level of BigFS's own categories.</param>
/// <param name="json">Whether a line is a JSON object with what the event says as its properties.</param>
internal sealed class StderrLoggerFactory(CliConsole console, TimeProvider time, LogLevel least, bool json = false) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new StderrLogger(
        console,
        time,
        json ? categoryName : null,
        categoryName.StartsWith("BigFs", StringComparison.Ordinal) ? least : LogLevel.Warning);

    /// <summary>There is one place that events go to.</summary>
    public void AddProvider(ILoggerProvider provider) =>
        throw new NotSupportedException("Log events of this process go to standard error only.");

    public void Dispose()
    {
        // Standard error stays open.
    }

    private sealed class StderrLogger(CliConsole console, TimeProvider time, string? category, LogLevel least) : ILogger
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

            if (category is not null)
            {
                WriteJson(logLevel, eventId, state, exception, formatter(state, exception));
                return;
            }

            string moment = time.GetUtcNow().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
            string message = formatter(state, exception);
            string cause = exception is null ? "" : $": {exception.GetType().Name}: {exception.Message}";
            console.Error.WriteLine($"{moment} {Name(logLevel)} {eventId.Id} {Text.OneLine(message + cause)}");
        }

        private void WriteJson<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, string message) =>
            JsonLine.Write(console.Error, writer =>
            {
                writer.WriteString("time", time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
                writer.WriteString("level", Name(logLevel));
                writer.WriteNumber("id", eventId.Id);
                writer.WriteString("event", eventId.Name ?? "");
                writer.WriteString("category", category);
                writer.WriteString("message", message);
                if (exception is not null)
                {
                    writer.WriteString("exception", exception.ToString());
                }

                if (state is not IEnumerable<KeyValuePair<string, object?>> values)
                {
                    return;
                }

                writer.WriteStartObject("state");
                foreach ((string name, object? value) in values.Where(pair => pair.Key != "{OriginalFormat}"))
                {
                    writer.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                }

                writer.WriteEndObject();
            });

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

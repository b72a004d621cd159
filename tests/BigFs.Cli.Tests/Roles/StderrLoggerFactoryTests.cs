using BigFs.Cli.Roles;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Cli.Tests.Roles;

internal sealed class StderrLoggerFactoryTests
{
    private readonly StringWriter _error = new();

    [Test]
    public void An_event_is_one_line_with_time_level_id_and_message()
    {
        Logger("BigFs.DataNode").Log(
            LogLevel.Warning, new EventId(1203), "volume 7\nis damaged", new IOException("bad sector"), (state, _) => state);

        Assert.That(_error.ToString(), Is.EqualTo("12:30:05.250 warn 1203 volume 7 is damaged: IOException: bad sector\n"));
    }

    [TestCase("BigFs.DataNode", LogLevel.Information, true)]
    [TestCase("BigFs.DataNode", LogLevel.Debug, false)]
    [TestCase("Microsoft.AspNetCore", LogLevel.Information, false)]
    [TestCase("Microsoft.AspNetCore", LogLevel.Error, true)]
    public void Others_than_BigFS_speak_from_warnings_on(string category, LogLevel level, bool isWritten) =>
        Assert.That(Logger(category).IsEnabled(level), Is.EqualTo(isWritten));

    private ILogger Logger(string category)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 31, 12, 30, 5, 250, TimeSpan.Zero));
        return new StderrLoggerFactory(new CliConsole(Stream.Null, Stream.Null, _error), time, LogLevel.Information).CreateLogger(category);
    }
}

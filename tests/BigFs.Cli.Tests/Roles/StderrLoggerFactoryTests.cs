using BigFs.Cli.Roles;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace BigFs.Cli.Tests.Roles;

internal sealed class StderrLoggerFactoryTests
{
    private readonly StringWriter _error = new();

    [SetUp]
    public void SetUp() => _error.GetStringBuilder().Clear();

    [Test]
    public void An_event_is_one_line_with_time_level_id_and_message()
    {
        Logger("BigFs.DataNode").Log(
            LogLevel.Warning, new EventId(1203), "volume 7\nis damaged", new IOException("bad sector"), (state, _) => state);

        Assert.That(_error.ToString(), Is.EqualTo("12:30:05.250 warn 1203 volume 7 is damaged: IOException: bad sector\n"));
    }

    [Test]
    public void As_json_an_event_is_an_object_with_its_id_and_what_it_says()
    {
        Logger("BigFs.DataNode", json: true).Log(
            LogLevel.Warning,
            new EventId(1203, "VolumeDamaged"),
            new Dictionary<string, object?> { ["Volume"] = 7, ["{OriginalFormat}"] = "volume {Volume} is damaged" },
            new IOException("bad sector"),
            (_, _) => "volume 7 is damaged");

        using var line = System.Text.Json.JsonDocument.Parse(_error.ToString());
        System.Text.Json.JsonElement root = line.RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.GetProperty("time").GetString(), Is.EqualTo("2026-01-31T12:30:05.250Z"));
            Assert.That((root.GetProperty("level").GetString(), root.GetProperty("id").GetInt32()), Is.EqualTo(("warn", 1203)));
            Assert.That(root.GetProperty("event").GetString(), Is.EqualTo("VolumeDamaged"));
            Assert.That(root.GetProperty("message").GetString(), Is.EqualTo("volume 7 is damaged"));
            Assert.That(root.GetProperty("exception").GetString(), Does.Contain("bad sector"));
            Assert.That(root.GetProperty("state").GetProperty("Volume").GetString(), Is.EqualTo("7"));
        }
    }

    [TestCase("BigFs.DataNode", LogLevel.Information, true)]
    [TestCase("BigFs.DataNode", LogLevel.Debug, false)]
    [TestCase("Microsoft.AspNetCore", LogLevel.Information, false)]
    [TestCase("Microsoft.AspNetCore", LogLevel.Error, true)]
    public void Others_than_BigFS_speak_from_warnings_on(string category, LogLevel level, bool isWritten) =>
        Assert.That(Logger(category).IsEnabled(level), Is.EqualTo(isWritten));

    private ILogger Logger(string category, bool json = false)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 31, 12, 30, 5, 250, TimeSpan.Zero));
        return new StderrLoggerFactory(new CliConsole(Stream.Null, Stream.Null, _error), time, LogLevel.Information, json).CreateLogger(category);
    }
}

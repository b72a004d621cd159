using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>Everything that is logged at the finest level, of roles, their libraries and clients, is searched for secrets.</summary>
[CancelAfter(120_000)]
internal sealed partial class SecretsInLogsTests
{
    [Test]
    public async Task No_key_no_token_and_no_secret_is_logged_at_any_level_nor_said_by_an_error()
    {
        using var log = new TextLog();
        await using KeyedCluster cluster = await KeyedCluster.StartAsync(options => options.LoggerFactory = log);
        (string id, string key) = await cluster.KeyAsync("rw", "/root");
        (string _, string reader) = await cluster.KeyAsync("r", "/root");
        string wrong = key[..^1] + (key[^1] == 'A' ? 'E' : 'A');
        await using (BigFsClient client = cluster.Client(key, options => options.LoggerFactory = log))
        {
            await client.UploadBytesAsync("/large", new byte[300_000]);
            await client.UploadBytesAsync("/small", new byte[10]);
            _ = await client.ReadBytesAsync("/large");
        }

        foreach (string bad in new[] { wrong, reader })
        {
            await using BigFsClient client = cluster.Client(bad, options => options.LoggerFactory = log);
            BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => client.DeleteAsync("/small")))!;
            log.Lines.Enqueue(refused.ToString());
        }

        await cluster.RevokeAsync(id);
        log.Lines.Enqueue(cluster.ClientOptions(key).ToString()!);
        string said = string.Join('\n', log.Lines);

        Assert.That(said, Does.Contain("is refused"), "the log was at work");
        foreach (string hidden in new[] { cluster.AdminKey, key, reader, wrong }.Select(text => text[23..])
            .Append(KeyedCluster.Secret[2..]).Append("Bearer"))
        {
            Assert.That(said, Does.Not.Contain(hidden).IgnoreCase);
        }

        Assert.That(TokenText().Match(said).Value, Is.Empty, "the length of a role's token in base64");
    }

    [GeneratedRegex("[A-Za-z0-9+/]{84,}")]
    private static partial Regex TokenText();

    private sealed class TextLog : ILogger, ILoggerFactory
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("This log has no providers.");

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            Lines.Enqueue($"scope {state}");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string values = state is IEnumerable<KeyValuePair<string, object?>> pairs ? string.Join(' ', pairs) : "";
            Lines.Enqueue($"{logLevel} {formatter(state, exception)} {values} {exception}");
        }

        public void Dispose()
        {
        }
    }
}

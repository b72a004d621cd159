using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Access;

/// <summary>Everything that a gateway and its libraries log at the finest level is searched for secrets.</summary>
[CancelAfter(60_000)]
internal sealed class SecretsInLogsTests
{
    [Test]
    public async Task No_key_is_logged_at_any_level_nor_answered()
    {
        using var log = new TextLog();
        await using GatewayCluster cluster = await GatewayCluster.StartAsync(keys: true, configureRole: options => options.LoggerFactory = log);
        (string _, string key) = await cluster.KeyAsync("rw", "/root");
        (string _, string reader) = await cluster.KeyAsync("r", "/root");
        string wrong = key[..^1] + (key[^1] == 'A' ? 'E' : 'A');
        foreach (string one in new[] { key, reader, wrong })
        {
            foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
            {
                using HttpClient client = cluster.Client(one, version);
                foreach (HttpMethod method in new[] { HttpMethod.Put, HttpMethod.Get, HttpMethod.Delete })
                {
                    using var request = new HttpRequestMessage(method, "/v1/files/a") { Content = method == HttpMethod.Put ? new ByteArrayContent(new byte[70_000]) : null };
                    HttpResponseMessage response = await client.SendAsync(request);
                    log.Lines.Enqueue(response.Headers + await response.Content.ReadAsStringAsync());
                }
            }
        }

        string said = string.Join('\n', log.Lines);

        Assert.That(said, Does.Contain("is refused"), "the log was at work");
        foreach (string hidden in new[] { cluster.AdminKey, key, reader, wrong }.Select(text => text[23..]).Append(GatewayCluster.Secret[2..]))
        {
            Assert.That(said, Does.Not.Contain(hidden).IgnoreCase);
        }
    }

    private sealed class TextLog : ILogger, ILoggerFactory
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("This log has no providers.");

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception) + exception);

        public void Dispose()
        {
        }
    }
}

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Hosting;

/// <summary>What every role is given: the clock and where its events go.</summary>
internal sealed record RoleServices(TimeProvider Time, ILoggerFactory LoggerFactory)
{
    public static RoleServices For(ILoggerFactory? loggerFactory) =>
        new(TimeProvider.System, loggerFactory ?? NullLoggerFactory.Instance);

    public ILogger<T> LoggerOf<T>() => LoggerFactory.CreateLogger<T>();

    public ILogger LoggerFor(string category) => LoggerFactory.CreateLogger(category);
}

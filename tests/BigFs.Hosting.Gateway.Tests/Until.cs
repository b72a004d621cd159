using System.Diagnostics;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests;

/// <summary>Waits for a condition with a deadline.</summary>
internal static class Until
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    public static Task TrueAsync(Func<bool> condition, string what) => TrueAsync(() => Task.FromResult(condition()), what);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(Deadline), $"not in time: {what}");
            await Task.Delay(Pause);
        }
    }
}

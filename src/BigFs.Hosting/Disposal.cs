using System.Runtime.ExceptionServices;

namespace BigFs.Hosting;

/// <summary>Ends things that are made of several parts.</summary>
internal static class Disposal
{
    /// <summary>Disposes all parts, one after the other, also when one throws; the first exception is thrown at the end.</summary>
    /// <param name="parts">In the order of their end; nulls are passed over.</param>
    public static async ValueTask OfAllAsync(IReadOnlyList<IAsyncDisposable?> parts)
    {
        ExceptionDispatchInfo? first = null;
        foreach (IAsyncDisposable part in parts.OfType<IAsyncDisposable>())
        {
            try
            {
                await part.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                first ??= ExceptionDispatchInfo.Capture(exception);
            }
        }

        first?.Throw();
    }
}

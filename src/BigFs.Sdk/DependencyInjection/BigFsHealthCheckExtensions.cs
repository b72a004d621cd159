using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace BigFs;

/// <summary>Health checks of registered clients.</summary>
public static class BigFsHealthCheckExtensions
{
    /// <summary>
    /// Adds a check that asks the cluster for its root directory through the registered <see cref="IBigFsClient"/>.
    /// </summary>
    /// <param name="builder">Where it is added.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="serviceKey">The key of a client added with <c>AddKeyedBigFsClient</c>; null for the one without.</param>
    public static IHealthChecksBuilder AddBigFs(
        this IHealthChecksBuilder builder, string name = "bigfs", string? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name,
            provider => new BigFsHealthCheck(serviceKey is null
                ? provider.GetRequiredService<IBigFsClient>()
                : provider.GetRequiredKeyedService<IBigFsClient>(serviceKey)),
            failureStatus: null,
            tags: null));
    }

    private sealed class BigFsHealthCheck(IBigFsClient client) : IHealthCheck
    {
        /// <inheritdoc/>
        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await client.FindAsync(BigFsPath.Root, cancellationToken).ConfigureAwait(false);
                return HealthCheckResult.Healthy("The file server answers.");
            }
            catch (Exception exception) when (exception is BigFsException or InvalidOperationException)
            {
                // InvalidOperationException: an embedded cluster that has not started yet, or has stopped.
                return new HealthCheckResult(context.Registration.FailureStatus, exception.Message, exception);
            }
        }
    }
}

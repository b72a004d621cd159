using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>
/// A file server that could not be connected to gets no calls for a while, unless there is no other: its lease may live for seconds
/// after it died.
/// </summary>
internal sealed class UnreachableDestinations(IDestinationHealthUpdater health) : IPassiveHealthCheckPolicy
{
    public const string PolicyName = "BigFsUnreachable";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    public string Name => PolicyName;

    public void RequestProxied(HttpContext context, ClusterState cluster, DestinationState destination)
    {
        bool failed = context.GetForwarderErrorFeature() is { } error && HasNotReached(error);
        if (failed || destination.Health.Passive == DestinationHealth.Unhealthy)
        {
            health.SetPassive(cluster, destination, failed ? DestinationHealth.Unhealthy : DestinationHealth.Healthy, Pause);
        }
    }

    /// <summary>Whether no connection came about, so that the destination has seen nothing of the request.</summary>
    public static bool HasNotReached(IForwarderErrorFeature error) =>
        error.Error is ForwarderError.Request or ForwarderError.RequestTimedOut
        && error.Exception is HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
        };
}

using System.Collections.Immutable;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.LoadBalancing;
using Yarp.ReverseProxy.Transforms;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>
/// What the proxy passes on, and where to: the services of file servers that clients may call, to the file servers there are. One
/// that is gone gets no new calls; calls and streams that it has in hand go on. Thread-safe.
/// </summary>
internal sealed class ControlProxyConfig : IProxyConfigProvider, IDisposable
{
    private const string Cluster = "file-servers";

    private readonly FileServerDestinations _fileServers;
    private readonly string _scheme;
    private readonly Lock _lock = new();
    private Snapshot _current;

    public ControlProxyConfig(FileServerDestinations fileServers, bool isEncrypted)
    {
        (_fileServers, _scheme) = (fileServers, isEncrypted ? "https://" : "http://");
        _current = new Snapshot([], _scheme);
        _fileServers.Changed += Refresh;
        Refresh();
    }

    /// <summary>The services, with their package.</summary>
    public static IReadOnlyList<string> Services { get; } = ["bigfs.v1.FileServer", "bigfs.v1.AccessKeys"];

    /// <inheritdoc/>
    public IProxyConfig GetConfig() => _current;

    public void Dispose() => _fileServers.Changed -= Refresh;

    private void Refresh()
    {
        Snapshot before;
        lock (_lock)
        {
            before = _current;
            ImmutableArray<string> known = _fileServers.Known;
            if (before.Endpoints.AsSpan().SequenceEqual(known.AsSpan()))
            {
                return;
            }

            _current = new Snapshot(known, _scheme);
        }

        before.Replace();
    }

    private static RouteConfig Route(string service) => new RouteConfig
    {
        RouteId = service,
        ClusterId = Cluster,
        Match = new RouteMatch { Path = $"/{service}/{{method}}", Methods = ["POST"] },
    }
    .WithTransformXForwarded(xDefault: ForwardedTransformActions.Off);

    /// <summary>One state of it. Immutable.</summary>
    private sealed class Snapshot : IProxyConfig
    {
        private readonly CancellationTokenSource _replaced = new();

        public Snapshot(ImmutableArray<string> endpoints, string scheme)
        {
            Endpoints = endpoints;
            ChangeToken = new CancellationChangeToken(_replaced.Token);
            Clusters =
            [
                new ClusterConfig
                {
                    ClusterId = Cluster,
                    LoadBalancingPolicy = LoadBalancingPolicies.PowerOfTwoChoices,
                    Destinations = endpoints.ToDictionary(
                        endpoint => endpoint, endpoint => new DestinationConfig { Address = scheme + endpoint }, StringComparer.Ordinal),
                    HealthCheck = new HealthCheckConfig
                    {
                        Passive = new PassiveHealthCheckConfig { Enabled = true, Policy = UnreachableDestinations.PolicyName },
                        AvailableDestinationsPolicy = "HealthyOrPanic",
                    },
                    HttpRequest = new ForwarderRequestConfig
                    {
                        Version = System.Net.HttpVersion.Version20,
                        VersionPolicy = HttpVersionPolicy.RequestVersionExact,

                        // Streams may be silent; pings find out who is gone.
                        ActivityTimeout = Timeout.InfiniteTimeSpan,
                    },
                },
            ];
        }

        public ImmutableArray<string> Endpoints { get; }

        public IReadOnlyList<RouteConfig> Routes { get; } = [.. Services.Select(Route)];

        public IReadOnlyList<ClusterConfig> Clusters { get; }

        public IChangeToken ChangeToken { get; }

        public void Replace() => _replaced.Cancel();
    }
}

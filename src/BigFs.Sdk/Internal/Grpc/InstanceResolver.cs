using System.Collections.Immutable;
using Grpc.Core;
using Grpc.Net.Client.Balancer;

namespace BigFs.Internal.Grpc;

/// <summary>Makes the resolver of "bigfs:///role": the instances that a source knows, told anew whenever they change.</summary>
internal sealed class InstanceResolverFactory(InstanceSource source) : ResolverFactory
{
    public const string Scheme = "bigfs";

    public override string Name => Scheme;

    public override Resolver Create(ResolverOptions options) => new InstanceResolver(source);
}

/// <summary>Tells a channel where a role's instances are.</summary>
internal sealed class InstanceResolver(InstanceSource source) : Resolver
{
    private static readonly BalancerAttributesKey<string> Endpoint = new("bigfs-endpoint");

    private readonly Lock _gate = new();
    private Action<ResolverResult>? _listener;

    public override void Start(Action<ResolverResult> listener)
    {
        _listener = listener;
        source.Changed += Tell;
        Tell();
    }

    protected override void Dispose(bool disposing) => source.Changed -= Tell;

    private void Tell()
    {
        // In order: the last that is told is the latest.
        lock (_gate)
        {
            ImmutableArray<string> known = source.Known;
            _listener!(known.IsEmpty
                ? ResolverResult.ForFailure(new Status(StatusCode.Unavailable, "No instance is known."))
                : ResolverResult.ForResult([.. known.Select(AddressOf)]));
        }
    }

    /// <summary>The endpoint as the source wrote it.</summary>
    public static string EndpointOf(BalancerAddress address) =>
        address.Attributes.TryGetValue(Endpoint, out string? endpoint) ? endpoint : address.ToString();

    private static BalancerAddress AddressOf(string endpoint)
    {
        if (!Uri.TryCreate("http://" + endpoint, UriKind.Absolute, out Uri? uri) || uri.PathAndQuery != "/")
        {
            throw new BigFsException(BigFsErrorCode.InvalidArgument, $"\"{endpoint}\" is no endpoint: \"host:port\" is expected.");
        }

        var address = new BalancerAddress(uri.IdnHost, uri.Port);
        address.Attributes.Set(Endpoint, endpoint);
        return address;
    }
}

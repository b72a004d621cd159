using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Grpc.Net.Client.Balancer;
using Grpc.Net.Client.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Internal.Grpc;

/// <summary>
/// One channel to all instances of a role, "bigfs:///role": their addresses come from an <see cref="InstanceSource"/>, calls
/// are spread by <see cref="TwoChoicesBalancer"/>. Thread-safe.
/// </summary>
internal sealed class RoleChannel : IDisposable
{
    private readonly GrpcChannel _channel;

    /// <summary>Makes the channel; nothing is connected before the first call.</summary>
    /// <param name="role">The role's name, for the address.</param>
    /// <param name="source">Its instances; stays the caller's.</param>
    /// <param name="handler">What connects; is the channel's from now on.</param>
    /// <param name="security">How its calls are protected; <paramref name="handler"/> speaks TLS where it says so.</param>
    public RoleChannel(string role, InstanceSource source, HttpMessageHandler handler, ChannelSecurity security)
    {
        var address = new Uri($"{InstanceResolverFactory.Scheme}:///{role.Replace(' ', '-')}");
        _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            Credentials = security.IsEncrypted ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure,
            ServiceProvider = new Parts(new InstanceResolverFactory(source), new TwoChoicesBalancerFactory(Table)),
            ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { TwoChoicesBalancerFactory.Config } },
            MaxReceiveMessageSize = ControlLimits.MaxMessageBytes,
            MaxSendMessageSize = ControlLimits.MaxMessageBytes,
            MaxRetryAttempts = null,
            DisableResolverServiceConfig = true,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(50),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(500),
        });
        CallInvoker invoker = _channel.CreateCallInvoker();
        Invoker = security.Credentials is { } credentials ? invoker.Intercept(credentials) : invoker;
    }

    /// <summary>What the instances have in hand from here.</summary>
    public InstanceTable Table { get; } = new();

    /// <summary>What calls an instance of the balancer's choice; see <see cref="CallRoute"/>.</summary>
    public CallInvoker Invoker { get; }

    public void Dispose() => _channel.Dispose();

    /// <summary>What gRPC looks its parts up in.</summary>
    private sealed class Parts(ResolverFactory resolver, LoadBalancerFactory balancer) : IServiceProvider
    {
        public object? GetService(Type serviceType) =>
            serviceType == typeof(IEnumerable<ResolverFactory>) ? new[] { resolver }
            : serviceType == typeof(IEnumerable<LoadBalancerFactory>) ? new[] { balancer }
            : serviceType == typeof(ILoggerFactory) ? NullLoggerFactory.Instance
            : null;
    }
}

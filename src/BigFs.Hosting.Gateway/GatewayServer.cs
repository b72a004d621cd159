using BigFs.Core.Model;
using BigFs.Hosting.Access.Grpc;
using BigFs.Hosting.Gateway.Access;
using BigFs.Hosting.Gateway.Content;
using BigFs.Hosting.Gateway.Description;
using BigFs.Hosting.Gateway.Files;
using BigFs.Hosting.Gateway.Listening;
using BigFs.Hosting.Gateway.Problems;
using BigFs.Hosting.Gateway.Proxy;
using BigFs.Hosting.Gateway.Readiness;
using BigFs.Hosting.Grpc;
using BigFs.Internal;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Gateway;

/// <summary>
/// A gateway that runs: its port, and behind it the routes of HTTP, the services of gRPC that it serves itself and those of file
/// servers that it passes on.
/// </summary>
internal sealed class GatewayServer : IGateway
{
    private readonly GatewayContext _context;
    private readonly FileServerDestinations _fileServers;
    private readonly CallerClients _clients;
    private readonly ControlProxyConfig _proxy;
    private readonly CancellationTokenSource _stopping = new();
    private readonly HealthService _health;
    private readonly LargeBuffers _buffers;
    private WebApplication? _app;
    private bool _disposed;

    private GatewayServer(GatewayContext context)
    {
        _context = context;
        _fileServers = new FileServerDestinations(context);
        _clients = new CallerClients(context, _fileServers.Leases);
        _proxy = new ControlProxyConfig(_fileServers, context.ControlTls is not null);
        _health = new HealthService(_stopping.Token);
        _buffers = new LargeBuffers(context.Services.Time);
    }

    /// <inheritdoc/>
    public string Endpoint { get; private set; } = "";

    /// <summary>Everything that is served, for tests that look that nothing was forgotten.</summary>
    internal IReadOnlyList<Endpoint> Endpoints =>
        [.. ((IEndpointRouteBuilder)_app!).DataSources.SelectMany(source => source.Endpoints)];

    /// <summary>Starts a gateway; waits for no other role.</summary>
    /// <exception cref="BigFsException">InvalidSettings, AddressInUse.</exception>
    public static async Task<GatewayServer> StartAsync(GatewayContext context, CancellationToken cancellationToken)
    {
        var server = new GatewayServer(context);
        try
        {
            await server.ListenAsync(cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task CheckAsync(CancellationToken cancellationToken) => _fileServers.CheckAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        _health.Set(isServing: false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_app is { } app)
        {
            using var limit = new CancellationTokenSource(_context.Grace);
            await app.StopAsync(limit.Token).ConfigureAwait(false);
            await app.DisposeAsync().ConfigureAwait(false);
        }

        _proxy.Dispose();
        await _clients.DisposeAsync().ConfigureAwait(false);
        await _fileServers.DisposeAsync().ConfigureAwait(false);
        _buffers.Dispose();
        _stopping.Dispose();
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        WebApplication app = Build();
        _app = app;
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException)
        {
            string address = _context.Options.Listen;
            throw new BigFsException(BigFsErrorCode.AddressInUse, $"The gateway's address {address} is taken or may not be bound.", error)
            {
                Endpoint = address,
            };
        }

        Endpoint = GatewayListener.EndpointOf(app, _context.Options);
        _fileServers.Start();
        _health.Set(isServing: true);
    }

    private WebApplication Build()
    {
        WebApplicationBuilder builder = GatewayListener.Make(_context);
        builder.Services.AddRouting();
        builder.Services.AddControlProxy(_context, _proxy);
        builder.Services.AddGrpc(options =>
        {
            ILoggerFactory loggers = _context.Services.LoggerFactory;

            // Its routes for them would take whatever is posted anywhere; HTTP's 404 says the same to clients of gRPC.
            options.IgnoreUnknownServices = true;
            options.MaxReceiveMessageSize = ControlLimits.MaxMessageBytes;
            options.MaxSendMessageSize = ControlLimits.MaxMessageBytes;
            options.Interceptors.Add<ErrorInterceptor>(loggers.CreateLogger<ErrorInterceptor>(), _stopping.Token);
            options.Interceptors.Add<TelemetryInterceptor>();
            options.Interceptors.Add<AccessInterceptor>(_context.Gate, loggers.CreateLogger<AccessInterceptor>());
        });
        WebApplication app = builder.Build();
        var parts = new GatewayParts
        {
            Gate = _context.Gate,
            Clients = _clients,
            FileServers = _fileServers,
            Load = new BodyLoad(_context.Options.Limits),
            Buffers = _buffers,
            Limits = _context.Options.Limits,
            Services = _context.Services,
            Stopping = _stopping.Token,
        };
        app.UseMiddleware<ProblemMiddleware>();
        app.UseRouting();
        app.UseMiddleware<RouteDoor>(_context.Gate);
        HealthRoutes.Map(app, parts);
        FileRoutes.Map(app, parts);
        DescriptionRoute.Map(app);
        app.MapGrpcService(_health.Bind()).WithMetadata(new HasOwnDoor());
        foreach (ServerServiceDefinition service in GatewayContentMapping.MapGatewayContent(parts))
        {
            app.MapGrpcService(service).WithMetadata(new HasOwnDoor());
        }

        app.MapControlProxy(parts);
        return app;
    }
}

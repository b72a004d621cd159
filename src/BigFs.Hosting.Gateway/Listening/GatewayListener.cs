using System.Net;
using System.Net.Security;
using BigFs.Core.Transfer;
using BigFs.Hosting.Grpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace BigFs.Hosting.Gateway.Listening;

/// <summary>A private Kestrel with the gateway's port: HTTP/1.1 and HTTP/2, with TLS where there is a certificate.</summary>
internal static class GatewayListener
{
    /// <summary>Bytes of a body that wait for its reader; contents are read in large pieces.</summary>
    private const int RequestBuffer = 2 << 20;

    /// <summary>Makes the builder of an application that listens; reads no configuration and no environment.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    public static WebApplicationBuilder Make(GatewayContext context)
    {
        BigFsGatewayOptions options = context.Options;
        IPEndPoint address = ListenAddress.Parse(options.Listen, context.BeyondLoopback, options.Advertise);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton(context.Services.LoggerFactory);
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.WebHost.UseKestrelCore();
        var plain = new PriorKnowledgeSwitch(options.Limits.IdleTimeout);
        builder.Services.AddSingleton<IConnectionListenerFactory>(plain);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            Limit(kestrel.Limits, options.Limits);
            if (options.CertificateFile is { } certificate)
            {
                SslServerAuthenticationOptions tls = new TransferServerTls { CertificateFile = certificate, KeyFile = options.KeyFile! }
                    .Load("GatewayCertificateFile", "");
                tls.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
                kestrel.Listen(address, listen =>
                {
                    listen.Protocols = HttpProtocols.Http1AndHttp2;
                    listen.Use(Tune);
                    listen.UseHttps((_, _, _, _) => ValueTask.FromResult(tls), state: new object(), handshakeTimeout: TimeSpan.FromSeconds(10));
                });
                return;
            }

            kestrel.Listen(address, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(Tune);
                listen.Use(plain.Decide);
            });
            kestrel.Listen(plain.Inner, listen => listen.Protocols = HttpProtocols.Http2);
        });
        return builder;
    }

    /// <summary>Where the application listens, as others are told it.</summary>
    public static string EndpointOf(WebApplication app, BigFsGatewayOptions options) =>
        ListenAddress.Advertised(options.Advertise, new Uri(app.Urls.First(url => !url.EndsWith("prior-knowledge", StringComparison.Ordinal))));

    /// <summary>Before anything is sent: contents are large.</summary>
    private static ConnectionDelegate Tune(ConnectionDelegate next) => connection =>
    {
        if (connection.Features.Get<IConnectionSocketFeature>() is { } feature)
        {
            LoopbackTuning.Apply(feature.Socket);
        }

        return next(connection);
    };

    private static void Limit(KestrelServerLimits kestrel, BigFsGatewayLimits limits)
    {
        // Files have no largest size; who sends them too slowly is cut off.
        kestrel.MaxRequestBodySize = null;
        kestrel.MaxRequestBufferSize = RequestBuffer;
        kestrel.MaxResponseBufferSize = RequestBuffer;
        kestrel.MaxConcurrentConnections = limits.Connections;
        kestrel.KeepAliveTimeout = limits.IdleTimeout;
        kestrel.RequestHeadersTimeout = limits.HeaderTimeout;
        kestrel.MaxRequestHeadersTotalSize = limits.HeaderBytes;
        kestrel.MaxRequestLineSize = Math.Max(limits.HeaderBytes, 16 << 10);
        kestrel.MinRequestBodyDataRate = new MinDataRate(limits.LeastBytesPerSecond, limits.SlowFor);
        kestrel.MinResponseDataRate = new MinDataRate(limits.LeastBytesPerSecond, limits.SlowFor);
        kestrel.Http2.MaxRequestHeaderFieldSize = limits.HeaderBytes;
        kestrel.Http2.MaxStreamsPerConnection = limits.StreamsPerConnection;
        kestrel.Http2.InitialStreamWindowSize = 1 << 20;
        kestrel.Http2.InitialConnectionWindowSize = 4 << 20;
        kestrel.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
    }

    /// <summary>The process's signals belong to the application.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

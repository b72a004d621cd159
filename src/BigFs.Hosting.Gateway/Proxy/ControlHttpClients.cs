using System.Net;
using BigFs.Core.Transfer;
using Yarp.ReverseProxy.Forwarder;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>
/// The connections to file servers that calls are passed on over: HTTP/2, encrypted where the control plane is. Carries no role's
/// credentials: the caller's own key is all that a file server sees. Reads no environment (no proxy).
/// </summary>
internal sealed class ControlHttpClients(TransferClientTls? tls) : IForwarderHttpClientFactory
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    public HttpMessageInvoker CreateClient(ForwarderHttpClientContext context)
    {
        if (context.OldClient is { } same)
        {
            return same;
        }

        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = ConnectTimeout,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = TimeSpan.FromSeconds(2),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(3),
            ActivityHeadersPropagator = null,
        };
        if (tls is not null)
        {
            // Without a name: the handler sets each endpoint's own.
            handler.SslOptions = tls.Load("ControlAuthorityFile", "ControlCertificateFile")(null);
        }

        return new HttpMessageInvoker(handler, disposeHandler: true);
    }
}

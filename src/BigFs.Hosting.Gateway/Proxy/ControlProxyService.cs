using BigFs.Hosting.Access;
using BigFs.Internal.Grpc;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Model;

namespace BigFs.Hosting.Gateway.Proxy;

/// <summary>
/// The door and the retries of calls that are passed on. The caller's key is checked here and, since it goes along, at the file server
/// again; a role's proof is never passed on, so nothing is done here that the caller could not do there. A call is sent to
/// another file server when the first could not be connected to and nothing of the request has left: any other failure might be
/// of a call that was carried out, and its caller decides. When the gateway stops, streams that callers keep open are ended.
/// </summary>
internal sealed partial class ControlProxyService(
    AccessGate gate,
    FileServerDestinations fileServers,
    TimeProvider time,
    CancellationToken stopping,
    ILogger<ControlProxyService> logger)
{
    private const string GrpcType = "application/grpc";

    /// <summary>How long a call waits for a first file server: roles start in any order.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public async Task InvokeAsync(HttpContext context, Func<Task> next)
    {
        try
        {
            await AdmitAsync(context).ConfigureAwait(false);
            LiftRates(context);
            await ForwardAsync(context, next).ConfigureAwait(false);
        }
        catch (BigFsException error)
        {
            Answer(context, WireErrors.ToRpc(error));
        }
    }

    private async ValueTask AdmitAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        string method = request.Path.Value ?? "";
        request.Headers.Remove(AccessGate.RoleHeader);
        try
        {
            string? authorization = request.Headers.Authorization.Count == 0 ? null : request.Headers.Authorization.ToString();
            await gate.AdmitAsync(method, authorization, token: null, node: null, hasCertificate: false, context.RequestAborted)
                .ConfigureAwait(false);
        }
        catch (BigFsException refused) when (refused.Code is BigFsErrorCode.Unauthenticated or BigFsErrorCode.NotAllowed)
        {
            if (gate.MayLogRefusal())
            {
                LogRefused(method, context.Connection.RemoteIpAddress?.ToString() ?? "", refused.Message);
            }

            throw;
        }
    }

    /// <summary>Streams may be silent for as long as they like.</summary>
    private static void LiftRates(HttpContext context)
    {
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }

    private async Task ForwardAsync(HttpContext context, Func<Task> next)
    {
        IReverseProxyFeature proxy = context.GetReverseProxyFeature();
        var body = new CallBody(context.Request.Body, stopping);
        context.Request.Body = body;
        if (proxy.AvailableDestinations.Count == 0)
        {
            proxy.AvailableDestinations = await WaitForOneAsync(proxy.Route.Cluster!, context.RequestAborted).ConfigureAwait(false);
        }

        List<DestinationState> left = [.. proxy.AvailableDestinations];
        while (true)
        {
            await next().ConfigureAwait(false);
            if (context.GetForwarderErrorFeature() is not { } error || context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
            {
                return;
            }

            left.RemoveAll(one => one == proxy.ProxiedDestination);
            if (left.Count == 0 || body.WasRead || !UnreachableDestinations.HasNotReached(error))
            {
                throw new BigFsException(
                    BigFsErrorCode.Unavailable,
                    proxy.ProxiedDestination is { } tried
                        ? $"The file server at {tried.DestinationId} cannot be reached, or the connection to it broke."
                        : "The gateway knows no file server.");
            }

            context.Features.Set<IForwarderErrorFeature>(null);
            context.Response.Clear();
            proxy.ProxiedDestination = null;
            proxy.AvailableDestinations = [.. left];
        }
    }

    /// <summary>The file servers, as soon as there is one; none when none came in time.</summary>
    private async ValueTask<IReadOnlyList<DestinationState>> WaitForOneAsync(ClusterState cluster, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        while (cluster.DestinationsState.AvailableDestinations.Count == 0 && time.GetElapsedTime(start) < Patience)
        {
            if (fileServers.Known.IsEmpty)
            {
                await fileServers.CheckAsync(cancellationToken).ConfigureAwait(false);
            }

            // It is known, and the proxy takes it in beside this call; or it is drained, and another may come.
            await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
        }

        return cluster.DestinationsState.AvailableDestinations;
    }

    /// <summary>Answers with an error as gRPC says it, without a message before.</summary>
    private static void Answer(HttpContext context, RpcException error)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.Clear();
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = GrpcType;
        IHeaderDictionary headers = context.Response.Headers;
        headers.GrpcStatus = ((int)error.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        headers.GrpcMessage = Uri.EscapeDataString(error.Status.Detail);
        if (error.Trailers.GetValueBytes(WireErrors.Trailer) is { } detail)
        {
            headers[WireErrors.Trailer] = Convert.ToBase64String(detail);
        }
    }

    [LoggerMessage(EventId = 1403, EventName = "ProxiedCallNotAdmitted", Level = LogLevel.Warning,
        Message = "{Method} of {Peer} is refused: {Reason}")]
    private partial void LogRefused(string method, string peer, string reason);
}

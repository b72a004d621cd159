using System.Buffers;
using BigFs.Core.Model;
using BigFs.Hosting.Gateway.Access;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Gateway.Problems;

/// <summary>
/// The outermost step of every request of HTTP: whatever fails is answered with problem details, or, when the answer has begun
/// already, by breaking the connection off, so that nobody takes a part for the whole.
/// </summary>
internal sealed partial class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    /// <summary>How long a body that nobody wants is read.</summary>
    private static readonly TimeSpan BodyPatience = TimeSpan.FromSeconds(2);

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (!context.Response.HasStarted && context.Response.StatusCode is StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed
                && context.Response.ContentLength is null && context.Response.ContentType is null)
            {
                await NoRouteAsync(context);
            }
        }
        catch (BigFsException error)
        {
            await AnswerAsync(context, error, Problem.StatusOf(error.Code));
        }
        catch (BadHttpRequestException error)
        {
            await AnswerAsync(
                context, new BigFsException(BigFsErrorCode.InvalidArgument, error.Message.TrimEnd('.') + "."), error.StatusCode);
        }
        catch (Exception gone) when (context.RequestAborted.IsCancellationRequested
            || gone is ConnectionResetException or ConnectionAbortedException)
        {
            // Nobody waits any longer.
            context.Abort();
        }
        catch (Exception error)
        {
            // Not the query, which may hold what is nobody's business.
            LogFailed(context.Request.Method, context.GetEndpoint()?.DisplayName ?? "a request", error);
            var hidden = new BigFsException(BigFsErrorCode.Internal, "The request failed; the gateway's log says why.");
            await AnswerAsync(context, hidden, StatusCodes.Status500InternalServerError);
        }
    }

    private static async Task NoRouteAsync(HttpContext context)
    {
        int status = context.Response.StatusCode;
        BigFsException error = status == StatusCodes.Status404NotFound
            ? new BigFsException(BigFsErrorCode.NotFound, "The gateway has no such route; /v1/openapi.json lists them.")
            : new BigFsException(BigFsErrorCode.InvalidArgument, $"The route takes no {context.Request.Method}; it takes {context.Response.Headers.Allow}.");
        await Problem.WriteAsync(context, error, status);
    }

    private static async Task AnswerAsync(HttpContext context, BigFsException error, int status)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.Clear();
        await Problem.WriteAsync(context, error, status);
        await PassOverBodyAsync(context);
    }

    /// <summary>
    /// Over HTTP/2 an answer before the end of the body resets the stream, and some clients then forget the answer: so what is on
    /// the way is read for a moment, as the server does over HTTP/1 by itself. Who waits for leave sends nothing.
    /// </summary>
    private static async Task PassOverBodyAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!HttpProtocol.IsHttp2(request.Protocol) || request.Headers.Expect.Count > 0 || request.ContentLength == 0)
        {
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            await context.Response.CompleteAsync();
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            limit.CancelAfter(BodyPatience);
            while (await request.Body.ReadAsync(buffer, limit.Token) > 0)
            {
                // Nobody wants it.
            }
        }
        catch (Exception enough) when (enough is OperationCanceledException or IOException)
        {
            // The stream is reset.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    [LoggerMessage(EventId = 1401, EventName = "GatewayRequestFailed", Level = LogLevel.Error, Message = "{Method} of {Route} failed")]
    private partial void LogFailed(string method, string route, Exception error);
}

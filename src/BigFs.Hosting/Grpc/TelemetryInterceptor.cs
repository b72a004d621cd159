using BigFs.Hosting.Telemetry;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace BigFs.Hosting.Grpc;

/// <summary>Times and traces every call of every service; calls on a shared stream are the stream's own to tell.</summary>
internal sealed class TelemetryInterceptor : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, isTimed: true, () => continuation(request, context));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, isTimed: false, () => continuation(requestStream, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, isTimed: false, async () =>
        {
            await continuation(request, responseStream, context);
            return true;
        });

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, isTimed: false, async () =>
        {
            await continuation(requestStream, responseStream, context);
            return true;
        });

    private static async Task<T> RunAsync<T>(ServerCallContext context, bool isTimed, Func<Task<T>> call)
    {
        // "/bigfs.v1.MetadataServer/Find"
        string[] parts = context.Method.Split('/');
        string service = parts[1][(parts[1].LastIndexOf('.') + 1)..];
        ServiceMetrics.Call measured = ServiceMetrics.Begin(service, parts[2], context.RequestHeaders.GetValue("traceparent"));
        string outcome = BigFsTelemetry.Ok;
        try
        {
            return await call();
        }
        catch (Exception error)
        {
            outcome = BigFsTelemetry.OutcomeOf(error);
            throw;
        }
        finally
        {
            measured.End(outcome, isTimed);
        }
    }
}

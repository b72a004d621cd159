using Grpc.Core;
using Grpc.Core.Interceptors;

namespace BigFs.Hosting.Grpc;

/// <summary>Counts the calls of one service; what travels on streams of calls is counted where it is carried out.</summary>
/// <param name="meter">Counts.</param>
/// <param name="service">The service's name, with its package.</param>
internal sealed class CallMeterInterceptor(CallMeter meter, string service) : Interceptor
{
    private readonly string _prefix = $"/{service}/";

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        if (!IsCounted(context))
        {
            return await continuation(request, context);
        }

        meter.Begin();
        try
        {
            return await continuation(request, context);
        }
        finally
        {
            meter.End();
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        if (!IsCounted(context))
        {
            await continuation(request, responseStream, context);
            return;
        }

        meter.Begin();
        try
        {
            await continuation(request, responseStream, context);
        }
        finally
        {
            meter.End();
        }
    }

    private bool IsCounted(ServerCallContext context) => context.Method.StartsWith(_prefix, StringComparison.Ordinal);
}

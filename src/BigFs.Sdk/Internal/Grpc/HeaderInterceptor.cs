using Grpc.Core;
using Grpc.Core.Interceptors;

namespace BigFs.Internal.Grpc;

/// <summary>Adds a header to every call.</summary>
internal abstract class HeaderInterceptor : Interceptor
{
    public sealed override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncUnaryCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, With(context, request));

    public sealed override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(With(context, null));

    public sealed override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, With(context, request));

    public sealed override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(With(context, null));

    /// <summary>The header of one call; null for none.</summary>
    /// <param name="method">The call's full name.</param>
    /// <param name="headers">What goes with it already.</param>
    /// <param name="request">What is asked, where one message asks it.</param>
    protected abstract Metadata.Entry? HeaderOf(string method, Metadata? headers, object? request);

    private ClientInterceptorContext<TRequest, TResponse> With<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, object? request)
        where TRequest : class
        where TResponse : class
    {
        Metadata? before = context.Options.Headers;
        if (HeaderOf(context.Method.FullName, before, request) is not { } header)
        {
            return context;
        }

        var headers = new Metadata();
        foreach (Metadata.Entry entry in before ?? [])
        {
            headers.Add(entry);
        }

        headers.Add(header);
        return new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, context.Options.WithHeaders(headers));
    }
}

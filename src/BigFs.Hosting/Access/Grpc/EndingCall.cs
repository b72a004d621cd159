using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Access.Grpc;

/// <summary>A call as it is, but for its token, which is cancelled as well when the caller's key ends.</summary>
internal sealed class EndingCall : ServerCallContext
{
    // Where Grpc.AspNetCore looks for the request of a call that is not its own class.
    private const string HttpContextKey = "__HttpContext";

    private readonly ServerCallContext _call;
    private readonly CancellationToken _end;

    /// <summary>Makes it.</summary>
    public EndingCall(ServerCallContext call, CancellationToken end)
    {
        (_call, _end) = (call, end);
        HttpContext request = call.GetHttpContext();
        call.UserState[HttpContextKey] = request;
    }

    protected override string MethodCore => _call.Method;

    protected override string HostCore => _call.Host;

    protected override string PeerCore => _call.Peer;

    protected override DateTime DeadlineCore => _call.Deadline;

    protected override global::Grpc.Core.Metadata RequestHeadersCore => _call.RequestHeaders;

    protected override CancellationToken CancellationTokenCore => _end;

    protected override global::Grpc.Core.Metadata ResponseTrailersCore => _call.ResponseTrailers;

    protected override Status StatusCore { get => _call.Status; set => _call.Status = value; }

    protected override WriteOptions? WriteOptionsCore { get => _call.WriteOptions; set => _call.WriteOptions = value; }

    protected override AuthContext AuthContextCore => _call.AuthContext;

    protected override IDictionary<object, object> UserStateCore => _call.UserState;

    protected override Task WriteResponseHeadersAsyncCore(global::Grpc.Core.Metadata responseHeaders) => _call.WriteResponseHeadersAsync(responseHeaders);

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => _call.CreatePropagationToken(options);
}

using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;

namespace BigFs.Hosting.Grpc;

/// <summary>The health service of gRPC (grpc.health.v1): serving from the end of the start to the beginning of the stop.</summary>
/// <param name="stopping">Ends all watches (the listener's).</param>
internal sealed class HealthService(CancellationToken stopping) : HealthServiceImpl
{
    /// <summary>What the listener maps.</summary>
    public ServerServiceDefinition Bind() => Health.BindService(this);

    /// <summary>Says whether the process serves, for all its services.</summary>
    public void Set(bool isServing) => SetStatus(
        "", isServing ? HealthCheckResponse.Types.ServingStatus.Serving : HealthCheckResponse.Types.ServingStatus.NotServing);

    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        var stopped = new TaskCompletionSource();
        await using CancellationTokenRegistration registration = stopping.Register(stopped.SetResult);
        Task watch = base.Watch(request, responseStream, context);
        await await Task.WhenAny(watch, stopped.Task);
    }
}

using System.Runtime.CompilerServices;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Hosting.Check;
using BigFs.Internal;
using BigFs.Internal.Grpc;
using Grpc.Core;
using MetadataAdminClient = BigFs.Protocol.MetadataAdmin.MetadataAdminClient;
using NodeManagerAdminClient = BigFs.Protocol.NodeManagerAdmin.NodeManagerAdminClient;

namespace BigFs.Hosting.Backup;

/// <summary>
/// Operators' calls over gRPC, at the instances that the name server names. Each is tried once: what a lost answer means is
/// for the operator to judge. Thread-safe.
/// </summary>
internal sealed class GrpcAdmin : IAsyncDisposable
{
    private static readonly ControlTimeouts Timeouts = new();

    private readonly ChannelCache _channels;
    private readonly GrpcNameServer _names;

    /// <summary>Makes a client; nothing is connected before the first call.</summary>
    /// <param name="settings">How the cluster is reached.</param>
    public GrpcAdmin(ClientSettings settings)
    {
        _channels = new ChannelCache(Timeouts.Connect, ChannelSecurity.Of(settings.ApiKey, settings.ControlTls));
        _names = new GrpcNameServer(
            BigFsEndpoint.Servers(settings.Endpoint!)!, _channels, Timeouts, TimeProvider.System);
    }

    /// <summary>What the namespace says of itself.</summary>
    public Task<NamespaceIdentity> IdentityAsync(CancellationToken cancellationToken) =>
        CallAsync((c, o) => c.IdentityAsync(new Protocol.Empty(), o), cancellationToken);

    /// <summary><see cref="IMetadataIdentity.RaiseGenerationAsync"/>.</summary>
    public Task<NamespaceIdentity> RaiseGenerationAsync(CancellationToken cancellationToken) =>
        CallAsync((c, o) => c.RaiseGenerationAsync(new Protocol.Empty(), o), cancellationToken);

    /// <summary><see cref="IMetadataIdentity.ResumeCollectionAsync"/>.</summary>
    public Task<NamespaceIdentity> ResumeCollectionAsync(long generation, CancellationToken cancellationToken)
    {
        var request = new Protocol.ResumeCollectionRequest { Generation = generation };
        return CallAsync((c, o) => c.ResumeCollectionAsync(request, o), cancellationToken);
    }

    /// <summary>A copy of the metadata database.</summary>
    public IAsyncEnumerable<DatabasePiece> ReadMetadataAsync(CancellationToken cancellationToken) => StreamAsync(
            ServiceRole.MetadataServer,
            (c, o) => new MetadataAdminClient(c).Backup(new Protocol.Empty(), o),
            cancellationToken)
        .FromProto(cancellationToken);

    /// <summary>A copy of the volume map's database.</summary>
    public IAsyncEnumerable<DatabasePiece> ReadVolumesAsync(CancellationToken cancellationToken) => StreamAsync(
            ServiceRole.NodeManager,
            (c, o) => new NodeManagerAdminClient(c).Backup(new Protocol.Empty(), o),
            cancellationToken)
        .FromProto(cancellationToken);

    /// <summary>A check at the metadata server: its findings one by one, then the sum.</summary>
    public async Task<BigFsCheckSummary> CheckAsync(
        int mostOfAKind, TimeSpan sessionWait, Action<BigFsFinding> tell, CancellationToken cancellationToken)
    {
        var request = new Protocol.CheckRequest { MostOfAKind = mostOfAKind, SessionWait = sessionWait.Ticks };
        await foreach (Protocol.CheckMessage message in StreamAsync(
            ServiceRole.MetadataServer, (c, o) => new MetadataAdminClient(c).Check(request, o), cancellationToken).ConfigureAwait(false))
        {
            switch (message.MessageCase)
            {
                case Protocol.CheckMessage.MessageOneofCase.Finding:
                    tell(message.Finding.FromProto());
                    break;
                case Protocol.CheckMessage.MessageOneofCase.Summary:
                    return message.Summary.FromProto();
                default:
                    throw Wire.Invalid("a message of a check is of no kind that is known");
            }
        }

        throw new BigFsException(BigFsErrorCode.Unavailable, "The check was cut off.");
    }

    public async ValueTask DisposeAsync()
    {
        await _names.DisposeAsync().ConfigureAwait(false);
        _channels.Dispose();
    }

    private async Task<NamespaceIdentity> CallAsync(
        Func<MetadataAdminClient, CallOptions, AsyncUnaryCall<Protocol.NamespaceIdentity>> call, CancellationToken cancellationToken)
    {
        string endpoint = await ResolveAsync(ServiceRole.MetadataServer, cancellationToken).ConfigureAwait(false);
        var options = new CallOptions(
            deadline: TimeProvider.System.GetUtcNow().UtcDateTime + Timeouts.Operation, cancellationToken: cancellationToken);
        try
        {
            using AsyncUnaryCall<Protocol.NamespaceIdentity> sent = call(new MetadataAdminClient(_channels.Get(endpoint)), options);
            return (await sent.ResponseAsync.ConfigureAwait(false)).FromProto();
        }
        catch (RpcException error)
        {
            throw Translate(error, ServiceRole.MetadataServer, endpoint, cancellationToken);
        }
    }

    /// <summary>A stream of answers; it has no deadline of its own, since it takes as long as there is much to read.</summary>
    private async IAsyncEnumerable<TResponse> StreamAsync<TResponse>(
        ServiceRole role,
        Func<CallInvoker, CallOptions, AsyncServerStreamingCall<TResponse>> call,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string endpoint = await ResolveAsync(role, cancellationToken).ConfigureAwait(false);
        using AsyncServerStreamingCall<TResponse> sent =
            call(_channels.Get(endpoint), new CallOptions(cancellationToken: cancellationToken));
        while (await NextAsync().ConfigureAwait(false))
        {
            yield return sent.ResponseStream.Current;
        }

        async ValueTask<bool> NextAsync()
        {
            try
            {
                return await sent.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException error)
            {
                throw Translate(error, role, endpoint, cancellationToken);
            }
        }
    }

    private async Task<string> ResolveAsync(ServiceRole role, CancellationToken cancellationToken)
    {
        var instances = await _names.ResolveAsync(role, cancellationToken).ConfigureAwait(false);
        return instances.IsEmpty
            ? throw new BigFsException(BigFsErrorCode.Unavailable, $"No {Name(role)} is registered at the name server.")
            : instances[0].Endpoint;
    }

    private static BigFsException Translate(
        RpcException error, ServiceRole role, string endpoint, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return WireErrors.Sent(error, endpoint) ?? WireErrors.FromTransport(error, Name(role), endpoint, 1);
    }

    private static string Name(ServiceRole role) => role == ServiceRole.NodeManager ? "node manager" : "metadata server";
}

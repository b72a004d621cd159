using BigFs.Core.Transfer;
using Grpc.Core.Interceptors;

namespace BigFs.Internal.Grpc;

/// <summary>How calls of the control plane are protected.</summary>
internal sealed record ChannelSecurity
{
    /// <summary>Neither encrypted nor with a key.</summary>
    public static ChannelSecurity None { get; } = new();

    /// <summary>Encryption; null (default): none.</summary>
    public TransferClientTls? Tls { get; init; }

    /// <summary>Says with every call who calls; null (default): nobody says it.</summary>
    public Interceptor? Credentials { get; init; }

    /// <summary>Whether calls are encrypted with the machine's own trust; default no. Not beside <see cref="Tls"/>.</summary>
    public bool TrustsMachine { get; init; }

    /// <summary>Whether calls are encrypted.</summary>
    public bool IsEncrypted => Tls is not null || TrustsMachine;

    /// <summary>The protection of a client of a gateway: encrypted where its endpoint says so, by its own authorities or the machine's.</summary>
    public static ChannelSecurity OfGateway(ClientSettings settings) =>
        Of(settings.ApiKey, settings.ControlTls) with
        {
            TrustsMachine = settings.ControlTls is null && settings.Endpoint is { Scheme: "https" },
        };

    /// <summary>The protection of a client: its key and its encryption, where it has them.</summary>
    public static ChannelSecurity Of(string? apiKey, TransferClientTls? tls) =>
        new() { Tls = tls, Credentials = apiKey is null ? null : new ApiKeyInterceptor(apiKey) };
}

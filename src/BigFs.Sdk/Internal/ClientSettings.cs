using System.Globalization;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Transfer;

namespace BigFs.Internal;

/// <summary>A client's settings after validation; immutable.</summary>
internal sealed record ClientSettings
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>The name server or the gateway; null for a client on seams of its own.</summary>
    public required Uri? Endpoint { get; init; }

    /// <summary>Whether the endpoint is a gateway, through which everything goes.</summary>
    public bool IsGateway => Endpoint?.Scheme is "http" or "https";

    /// <summary>See <see cref="BigFsClientOptions.ConnectTimeout"/>.</summary>
    public required TimeSpan ConnectTimeout { get; init; }

    /// <summary>See <see cref="BigFsClientOptions.OperationTimeout"/>.</summary>
    public required TimeSpan OperationTimeout { get; init; }

    /// <summary>See <see cref="BigFsClientOptions.StallTimeout"/>.</summary>
    public required TimeSpan StallTimeout { get; init; }

    /// <summary>The key that goes with every control call; null for none.</summary>
    public required string? ApiKey { get; init; }

    /// <summary>Encryption of the control plane; null for none.</summary>
    public required TransferClientTls? ControlTls { get; init; }

    /// <summary>Encryption towards datanodes; null for none.</summary>
    public required TransferClientTls? TransferTls { get; init; }

    /// <summary>Without the key.</summary>
    public override string ToString() => $"settings of a client of {Endpoint?.OriginalString ?? "a cluster in this process"}";

    /// <summary>Copies and validates.</summary>
    /// <param name="options">What the caller wrote.</param>
    /// <param name="remote">Whether the endpoint is used.</param>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public static ClientSettings Of(BigFsClientOptions options, bool remote)
    {
        ArgumentNullException.ThrowIfNull(options);
        if ((remote ? EndpointProblem(options.Endpoint) : null) is { } problem)
        {
            throw new BigFsException(BigFsErrorCode.InvalidSettings, problem) { Endpoint = options.Endpoint?.OriginalString };
        }

        SettingsCheck.Require(
            !remote || options.Endpoint.Scheme != "http" || options.ControlAuthorityFile is null,
            nameof(options.ControlAuthorityFile),
            options.ControlAuthorityFile,
            "left out with an endpoint \"http://\", which is not encrypted (\"https://\" is)");
        return new ClientSettings
        {
            Endpoint = remote ? options.Endpoint : null,
            ConnectTimeout = Checked(nameof(options.ConnectTimeout), options.ConnectTimeout),
            OperationTimeout = Checked(nameof(options.OperationTimeout), options.OperationTimeout),
            StallTimeout = Checked(nameof(options.StallTimeout), options.StallTimeout),
            ApiKey = CheckedKey(options.ApiKey),
            ControlTls = Tls("Control", options.ControlAuthorityFile, options.ControlCertificateFile, options.ControlKeyFile),
            TransferTls = Tls("Transfer", options.TransferAuthorityFile, options.TransferCertificateFile, options.TransferKeyFile),
        };
    }

    /// <summary>As <see cref="Of"/>, for what speaks with the cluster's own servers and not through a gateway.</summary>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public static ClientSettings OfNameServer(BigFsClientOptions options)
    {
        ClientSettings settings = Of(options, remote: true);
        return !settings.IsGateway ? settings : throw new BigFsException(
            BigFsErrorCode.InvalidSettings,
            $"The setting Endpoint is \"{settings.Endpoint!.OriginalString}\", a gateway: this needs \"bigfs://host:port\" of the name server.")
        {
            Endpoint = settings.Endpoint.OriginalString,
        };
    }

    /// <summary>What is wrong with an endpoint, as a sentence; null when it is fine.</summary>
    public static string? EndpointProblem(Uri? endpoint)
    {
        const string wanted =
            "\"bigfs://host:port\" of the name server or \"http(s)://host:port\" of a gateway is expected, for example \"bigfs://127.0.0.1:7400\"";
        return endpoint switch
        {
            null => $"The setting Endpoint is missing: {wanted}.",
            { IsAbsoluteUri: false } => $"The setting Endpoint is \"{endpoint.OriginalString}\": {wanted}.",
            { Scheme: not ("bigfs" or "http" or "https") } =>
                $"The setting Endpoint is \"{endpoint.OriginalString}\", with the scheme \"{endpoint.Scheme}\": {wanted}.",
            { Host: "" } => $"The setting Endpoint is \"{endpoint.OriginalString}\", without a host: {wanted}.",
            { Port: < 1 } => $"The setting Endpoint is \"{endpoint.OriginalString}\", without a port: {wanted}.",
            { AbsolutePath: not ("/" or "") } or { UserInfo: not "" } or { Fragment: not "" } =>
                $"The setting Endpoint is \"{endpoint.OriginalString}\", with more than host and port: {wanted}.",
            _ => BigFsEndpoint.Servers(endpoint) is null
                ? $"The setting Endpoint is \"{endpoint.OriginalString}\": further servers are written \"?or=host:port\", apart by commas, 16 in all."
                : null,
        };
    }

    /// <summary>A client's key, when it is written as one.</summary>
    /// <exception cref="BigFsException">InvalidSettings: it is not; nothing of it is shown.</exception>
    public static string? CheckedKey(string? text) =>
        text is null || AccessKey.TryParse(text) is not null
            ? text
            : throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The setting ApiKey is no access key of BigFS: \"{AccessKey.Prefix}\" and {AccessKey.TextLength - AccessKey.Prefix.Length} characters are expected.");

    /// <summary>Encryption by files; null when none is set.</summary>
    /// <param name="plane">What the settings' names begin with.</param>
    /// <param name="authority">The authorities' file.</param>
    /// <param name="certificate">The certificate to show.</param>
    /// <param name="key">Its key.</param>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public static TransferClientTls? Tls(string plane, string? authority, string? certificate, string? key)
    {
        File($"{plane}AuthorityFile", authority);
        File($"{plane}CertificateFile", certificate);
        File($"{plane}KeyFile", key);
        SettingsCheck.Require(
            certificate is null == key is null, $"{plane}KeyFile", key, $"set together with {plane}CertificateFile");
        SettingsCheck.Require(
            authority is not null || certificate is null, $"{plane}AuthorityFile", null, $"set where {plane}CertificateFile is");
        return authority is null
            ? null
            : new TransferClientTls { AuthorityFile = authority, CertificateFile = certificate, KeyFile = key };

        static void File(string setting, string? path) =>
            SettingsCheck.Require(path is null || System.IO.File.Exists(path), setting, path, "a file that exists");
    }

    private static TimeSpan Checked(string name, TimeSpan value) =>
        value > TimeSpan.Zero && value <= Longest
            ? value
            : throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                string.Create(CultureInfo.InvariantCulture, $"The setting {name} is {value}: more than 0 and at most {Longest.TotalHours:0} hours are allowed."));
}

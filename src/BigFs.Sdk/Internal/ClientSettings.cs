using System.Globalization;
using BigFs.Core.Model;
using BigFs.Core.Transfer;

namespace BigFs.Internal;

/// <summary>A client's settings after validation; immutable.</summary>
internal sealed record ClientSettings
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>The name server; null for a client on seams of its own.</summary>
    public required Uri? Endpoint { get; init; }

    /// <summary>See <see cref="BigFsClientOptions.ConnectTimeout"/>.</summary>
    public required TimeSpan ConnectTimeout { get; init; }

    /// <summary>See <see cref="BigFsClientOptions.OperationTimeout"/>.</summary>
    public required TimeSpan OperationTimeout { get; init; }

    /// <summary>See <see cref="BigFsClientOptions.StallTimeout"/>.</summary>
    public required TimeSpan StallTimeout { get; init; }

    /// <summary>Encryption towards datanodes; null for none.</summary>
    public required TransferClientTls? TransferTls { get; init; }

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

        return new ClientSettings
        {
            Endpoint = remote ? options.Endpoint : null,
            ConnectTimeout = Checked(nameof(options.ConnectTimeout), options.ConnectTimeout),
            OperationTimeout = Checked(nameof(options.OperationTimeout), options.OperationTimeout),
            StallTimeout = Checked(nameof(options.StallTimeout), options.StallTimeout),
            TransferTls = Tls(options),
        };
    }

    /// <summary>What is wrong with an endpoint, as a sentence; null when it is fine.</summary>
    public static string? EndpointProblem(Uri? endpoint)
    {
        const string wanted = "\"bigfs://host:port\" of the name server is expected, for example \"bigfs://127.0.0.1:7400\"";
        return endpoint switch
        {
            null => $"The setting Endpoint is missing: {wanted}.",
            { IsAbsoluteUri: false } => $"The setting Endpoint is \"{endpoint.OriginalString}\": {wanted}.",
            { Scheme: "http" or "https" } =>
                $"The setting Endpoint is \"{endpoint.OriginalString}\": gateways are not there yet; {wanted}.",
            { Scheme: not "bigfs" } =>
                $"The setting Endpoint is \"{endpoint.OriginalString}\", with the scheme \"{endpoint.Scheme}\": {wanted}.",
            { Host: "" } => $"The setting Endpoint is \"{endpoint.OriginalString}\", without a host: {wanted}.",
            { Port: < 1 } => $"The setting Endpoint is \"{endpoint.OriginalString}\", without a port: {wanted}.",
            { AbsolutePath: not ("/" or "") } or { UserInfo: not "" } or { Fragment: not "" } =>
                $"The setting Endpoint is \"{endpoint.OriginalString}\", with more than host and port: {wanted}.",
            _ => BigFsEndpoint.NameServers(endpoint) is null
                ? $"The setting Endpoint is \"{endpoint.OriginalString}\": further name servers are written \"?or=host:port\", apart by commas, 16 in all."
                : null,
        };
    }

    private static TransferClientTls? Tls(BigFsClientOptions options)
    {
        File(nameof(options.TransferAuthorityFile), options.TransferAuthorityFile);
        File(nameof(options.TransferCertificateFile), options.TransferCertificateFile);
        File(nameof(options.TransferKeyFile), options.TransferKeyFile);
        bool pair = options.TransferCertificateFile is null == options.TransferKeyFile is null;
        SettingsCheck.Require(
            pair, nameof(options.TransferKeyFile), options.TransferKeyFile, "set together with TransferCertificateFile");
        SettingsCheck.Require(
            options.TransferAuthorityFile is not null || options.TransferCertificateFile is null,
            nameof(options.TransferAuthorityFile),
            null,
            "set where TransferCertificateFile is");
        return options.TransferAuthorityFile is not { } authority ? null : new TransferClientTls
        {
            AuthorityFile = authority,
            CertificateFile = options.TransferCertificateFile,
            KeyFile = options.TransferKeyFile,
        };

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

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using BigFs.Core.Model;

namespace BigFs.Core.Transfer;

/// <summary>Encryption of a transfer port: the datanode's side. Files are PEM and read when the server is made.</summary>
public sealed record TransferServerTls
{
    /// <summary>The node's certificate, and behind it the ones between it and the authority, if any.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>The certificate's private key.</summary>
    public required string KeyFile { get; init; }

    /// <summary>
    /// The authorities whose certificates clients must show; null (default): clients show none, their capabilities suffice.
    /// </summary>
    public string? ClientAuthorityFile { get; init; }

    /// <summary>Reads the files.</summary>
    /// <param name="certificateSetting">What the setting of the certificate's file is called where it was made.</param>
    /// <param name="authoritySetting">What the setting of the authority's file is called.</param>
    /// <exception cref="BigFsException">InvalidSettings: a file is not what it should be.</exception>
    public SslServerAuthenticationOptions Load(
        string certificateSetting = nameof(CertificateFile), string authoritySetting = nameof(ClientAuthorityFile))
    {
        X509Certificate2Collection chain = TlsFiles.Certificates(CertificateFile, certificateSetting);
        X509Certificate2 own = TlsFiles.Pair(CertificateFile, KeyFile, certificateSetting);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
        if (ClientAuthorityFile is { } authority)
        {
            options.ClientCertificateRequired = true;
            options.CertificateChainPolicy = TlsFiles.Trust(authority, authoritySetting);
        }

        return options;
    }
}

/// <summary>Encryption towards datanodes: the client's side, and that of a datanode that passes chunks on.</summary>
public sealed record TransferClientTls
{
    /// <summary>The authorities that sign datanodes' certificates; none but these are trusted.</summary>
    public required string AuthorityFile { get; init; }

    /// <summary>A certificate to show where datanodes ask for one; null (default): none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>Its private key; needed with <see cref="CertificateFile"/>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Reads the files; the result makes the options of one connection.</summary>
    /// <param name="authoritySetting">What the setting of the authority's file is called where it was made.</param>
    /// <param name="certificateSetting">What the setting of the certificate's file is called.</param>
    public Func<string?, SslClientAuthenticationOptions> Load(
        string authoritySetting = nameof(AuthorityFile), string certificateSetting = nameof(CertificateFile))
    {
        X509ChainPolicy trust = TlsFiles.Trust(AuthorityFile, authoritySetting);
        SettingsCheck.Require(
            CertificateFile is null == KeyFile is null, nameof(KeyFile), KeyFile, "set together with CertificateFile");
        SslStreamCertificateContext? own = CertificateFile is null
            ? null
            : SslStreamCertificateContext.Create(
                TlsFiles.Pair(CertificateFile, KeyFile!, certificateSetting),
                TlsFiles.Certificates(CertificateFile, certificateSetting),
                offline: true);
        return host => new SslClientAuthenticationOptions
        {
            TargetHost = host!,
            ClientCertificateContext = own,
            CertificateChainPolicy = trust.Clone(),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
    }
}

/// <summary>PEM files as settings: what is wrong with one is said by its setting's name.</summary>
internal static class TlsFiles
{
    /// <summary>Trust in the authorities of a file and in nobody else. Private authorities publish no revocations.</summary>
    public static X509ChainPolicy Trust(string file, string setting)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(Certificates(file, setting));
        return policy;
    }

    public static X509Certificate2Collection Certificates(string file, string setting)
    {
        var certificates = new X509Certificate2Collection();
        Read(setting, file, () => certificates.ImportFromPemFile(file));
        SettingsCheck.Require(certificates.Count > 0, setting, file, "a PEM file with a certificate");
        return certificates;
    }

    public static X509Certificate2 Pair(string certificateFile, string keyFile, string setting)
    {
        X509Certificate2? pair = null;
        Read(setting, certificateFile, () => pair = X509Certificate2.CreateFromPemFile(certificateFile, keyFile));
        if (!OperatingSystem.IsWindows())
        {
            return pair!;
        }

        // The system's TLS cannot use a key that is only in memory.
        using (pair)
        {
            return X509CertificateLoader.LoadPkcs12(pair!.Export(X509ContentType.Pkcs12), null);
        }
    }

    private static void Read(string setting, string file, Action read)
    {
        try
        {
            read();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidSettings,
                $"The setting {setting} is \"{file}\"; it must be a PEM file with what belongs there: {unreadable.Message}",
                unreadable);
        }
    }
}

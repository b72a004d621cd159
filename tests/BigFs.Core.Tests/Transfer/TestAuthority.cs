using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BigFs.Core.Tests.Transfer;

/// <summary>An authority with a folder of PEM files, made for one test.</summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow - TimeSpan.FromDays(1);
    private static readonly DateTimeOffset End = DateTimeOffset.UtcNow + TimeSpan.FromDays(1);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bigfs-tls-");
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _own;

    public TestAuthority()
    {
        var request = new CertificateRequest("CN=Test authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _own = request.CreateSelfSigned(Start, End);
        File.WriteAllText(AuthorityFile, _own.ExportCertificatePem());
    }

    /// <summary>Its certificate.</summary>
    public string AuthorityFile => At("authority.pem");

    /// <summary>A file of the folder.</summary>
    public string At(string name) => Path.Combine(_folder.FullName, name);

    /// <summary>Signs a certificate for an address or a name.</summary>
    public (string CertificateFile, string KeyFile) Issue(string host)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + host, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.Create(_own, Start, End, RandomNumberGenerator.GetBytes(8));
        (string certificateFile, string keyFile) = (At(host + ".pem"), At(host + ".key"));
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (certificateFile, keyFile);
    }

    public void Dispose()
    {
        _own.Dispose();
        _key.Dispose();
        _folder.Delete(recursive: true);
    }
}

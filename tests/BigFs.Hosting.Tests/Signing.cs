using BigFs.Core.Security;

namespace BigFs.Hosting.Tests;

/// <summary>A signer for tests in which nobody checks.</summary>
internal static class Signing
{
    public static CapabilitySigner Signer { get; } =
        new(ClusterSecret.Create(new byte[ClusterSecret.KeyBytes]), new CapabilityOptions(), TimeProvider.System);
}

using Grpc.Core;

namespace BigFs.Internal.Grpc;

/// <summary>Sends a client's key with every call (RFC 6750, section 2.1). Shows it nowhere else.</summary>
internal sealed class ApiKeyInterceptor(string key) : HeaderInterceptor
{
    private readonly Metadata.Entry _header = new("authorization", "Bearer " + key);

    public override string ToString() => "an access key";

    protected override Metadata.Entry? HeaderOf(string method, Metadata? headers, object? request) => _header;
}

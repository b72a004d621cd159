using BigFs.Core.Control;
using BigFs.Core.Transfer;
using BigFs.Internal.Gateway;

namespace BigFs.Internal;

/// <summary>How a client reaches its cluster: control, and either the datanodes themselves or a gateway for all content.</summary>
internal sealed record ClientSeams
{
    /// <summary>Control.</summary>
    public required IFileServer FileServer { get; init; }

    /// <summary>The way to datanodes; null where all content goes through a gateway.</summary>
    public IChunkTransport? Transport { get; init; }

    /// <summary>The way through a gateway; null where datanodes are reached directly.</summary>
    public IGatewayContent? Gateway { get; init; }
}

using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// Ends an exchange from within the depth of its socket calls; turned into a value at the doors of the transport and
/// of the server, and never seen outside this folder.
/// </summary>
internal sealed class TransferException(
    ChunkStatus status, string message, NodeId? node = null, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>What went wrong; never Ok.</summary>
    public ChunkStatus Status { get; } = status;

    /// <summary>The node that failed, where the peer named one.</summary>
    public NodeId? Node { get; } = node;
}

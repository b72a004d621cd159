using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>What an asking side makes of answers that are not the one hoped for.</summary>
internal static class Answers
{
    /// <summary>The failure that a peer reports for this request.</summary>
    /// <exception cref="TransferException">
    /// The failure is about the whole connection (request id 0), which the peer closes; or the frame is malformed.
    /// </exception>
    public static ErrorAnswer Error(string peer, FrameHeader header, ulong requestId, ReadOnlySpan<byte> message)
    {
        if (ErrorAnswer.Decode(message) is not { } error || (header.RequestId != requestId && header.RequestId != 0))
        {
            throw Malformed(peer);
        }

        return header.RequestId == requestId ? error : throw new TransferException(error.Status, error.Text, error.Node);
    }

    /// <summary>Reads a server's hello.</summary>
    /// <exception cref="TransferException">It speaks something else, or no version in common (Malformed).</exception>
    public static Hello Greet(ReadOnlySpan<byte> bytes, string peer)
    {
        if (!Hello.TryDecode(bytes, out Hello theirs))
        {
            throw new TransferException(ChunkStatus.Malformed, $"{peer} does not speak the transfer protocol.");
        }

        return Hello.Own.SharesVersionWith(theirs)
            ? theirs
            : throw new TransferException(
                ChunkStatus.Malformed,
                $"{peer} speaks versions {theirs.LowestVersion} to {theirs.HighestVersion} of the transfer"
                + $" protocol, this side {Hello.Own.LowestVersion} to {Hello.Own.HighestVersion}.");
    }

    /// <summary>A frame that does not belong here.</summary>
    public static TransferException Malformed(string peer) =>
        new(ChunkStatus.Malformed, $"{peer} sent an answer that breaks the transfer protocol.");
}

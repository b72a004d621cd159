using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>Why a request failed, and at which node.</summary>
/// <param name="Status">What went wrong; never <see cref="ChunkStatus.Ok"/>.</param>
/// <param name="Node">The node that failed: the one that answers, or one behind it in the pipeline.</param>
/// <param name="Text">A sentence for logs and errors.</param>
internal readonly record struct ErrorAnswer(ChunkStatus Status, NodeId Node, string Text)
{
    /// <summary>Most bytes of the sentence in UTF-8.</summary>
    public const int MaxTextBytes = 1024;

    /// <summary>Writes the message and returns its length.</summary>
    public int Encode(Span<byte> bytes)
    {
        var writer = new WireWriter(bytes);
        writer.Byte((byte)Status);
        writer.Reserved(3);
        writer.Node(Node);
        writer.Text(Text, MaxTextBytes);
        return writer.Length;
    }

    /// <summary>Reads a message; null when it is malformed. A status of a later version reads as Malformed.</summary>
    public static ErrorAnswer? Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (ChunkStatus)reader.Byte();
        reader.Reserved(3);
        NodeId node = reader.Node();
        string text = reader.Text(MaxTextBytes);
        if (!reader.AtCleanEnd || status == ChunkStatus.Ok)
        {
            return null;
        }

        return new ErrorAnswer(Enum.IsDefined(status) ? status : ChunkStatus.Malformed, node, text);
    }
}

using BigFs.Core.Metadata;
using BigFs.Internal.Grpc;
using Google.Protobuf;
using Grpc.Core;

namespace BigFs.Hosting.Grpc;

/// <summary>Sends a streamed listing: each page as it was read, when the caller has taken those before.</summary>
internal static class Listing
{
    /// <summary>Writes every page, in messages of about <see cref="ControlLimits.MaxListingBytes"/> at most.</summary>
    public static async Task WriteAsync(IAsyncEnumerable<EntryPage> pages, IServerStreamWriter<Protocol.PackedEntries> stream)
    {
        var message = new Protocol.PackedEntries();
        await foreach (EntryPage page in pages)
        {
            foreach (ReadOnlyMemory<byte> part in page.Pack(ControlLimits.MaxListingBytes))
            {
                message.Entries = UnsafeByteOperations.UnsafeWrap(part);
                await stream.WriteAsync(message);
            }
        }
    }
}

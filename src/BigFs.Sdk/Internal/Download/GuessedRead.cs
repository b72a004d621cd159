using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Internal.Download;

/// <summary>
/// The content of a small file as it was opened before, on its way while a file server is asked whether it still is that file.
/// Nobody sees a byte of it before the answer says so. One try at one replica: whoever needs more reads as usual.
/// </summary>
internal sealed class GuessedRead
{
    private readonly byte[] _buffer;
    private readonly int _length;
    private readonly Task<ChunkStatus> _reading;

    private GuessedRead(byte[] buffer, int length, Task<ChunkStatus> reading) => (_buffer, _length, _reading) = (buffer, length, reading);

    /// <summary>The bytes, verified, when <see cref="CameAsync"/> says so.</summary>
    public ReadOnlyMemory<byte> Data => _buffer.AsMemory(0, _length);

    /// <summary>Begins to read; null when every replica failed this client just now.</summary>
    /// <param name="context">The client.</param>
    /// <param name="known">What it opened before; one chunk, and its place.</param>
    public static GuessedRead? Begin(ClientContext context, OpenedFile known)
    {
        NodeAddress[] members = [.. known.Locations[0].Members.Where(node => !context.Penalties.Contains(node.Id))];
        if (members.Length == 0)
        {
            return null;
        }

        NodeAddress node = members[context.NextReader() % (uint)members.Length];
        ChunkReference chunk = known.Manifest[0];
        byte[] buffer = TransferBuffers.Allocate(chunk.Length);
        return new GuessedRead(buffer, chunk.Length, ReadAsync(context, known, node, buffer.AsMemory(0, chunk.Length)));
    }

    /// <summary>Whether the bytes came.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; they may come later.</exception>
    public async ValueTask<bool> CameAsync(CancellationToken cancellationToken) =>
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false) == ChunkStatus.Ok;

    /// <summary>Gives the memory back, as soon as nothing is written into it any more.</summary>
    public void End()
    {
        if (_reading.IsCompleted)
        {
            TransferBuffers.Release(_buffer);
        }
        else
        {
            _ = EndLaterAsync();
        }
    }

    private async Task EndLaterAsync()
    {
        await _reading.EndAsync().ConfigureAwait(false);
        TransferBuffers.Release(_buffer);
    }

    /// <summary>Reads from one replica; a failure is one for the way as usual to meet again, and to tell about.</summary>
    private static async Task<ChunkStatus> ReadAsync(ClientContext context, OpenedFile known, NodeAddress node, Memory<byte> destination)
    {
        try
        {
            (ChunkStatus status, _) = await context.Transport.ReadAsync(
                node, known.Manifest[0], known.Locations[0].Capability, 0, destination, context.Stopping).ConfigureAwait(false);
            if (status is ChunkStatus.Unreachable or ChunkStatus.Stalled or ChunkStatus.DiskFailed or ChunkStatus.Busy)
            {
                context.Penalties.Add(node.Id);
            }

            return status;
        }
        catch (Exception exception)
        {
            SdkLog.GuessFailed(context.Logger, known.File.Path.ToString(), exception);
            return ChunkStatus.Unreachable;
        }
    }
}

namespace BigFs.Internal.Grpc;

/// <summary>
/// An unencrypted connection that notices by the first bytes received that the other side is encrypted: HTTP/2 begins with a
/// SETTINGS frame (RFC 9113, section 3.4), TLS with an alert or handshake record (RFC 8446, section 5.1), or it hangs up at
/// once on what is no handshake. Everything passes through.
/// </summary>
internal sealed class FirstWordStream(Stream inner) : Stream
{
    private const byte TlsAlert = 0x15;
    private const byte TlsHandshake = 0x16;

    /// <summary>What helps when the other side is encrypted.</summary>
    public const string Remedy = "the setting ControlAuthorityFile is needed, and for a gateway an endpoint that begins with https://";

    private bool _heard;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        try
        {
            read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException) when (!_heard)
        {
            throw HungUp();
        }

        if (!_heard && !buffer.IsEmpty)
        {
            _heard = true;
            if (read == 0)
            {
                throw HungUp();
            }

            if (buffer.Span[0] is TlsAlert or TlsHandshake)
            {
                throw new IOException("it speaks TLS; " + Remedy);
            }
        }

        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _heard ? inner.WriteAsync(buffer, cancellationToken) : WriteFirstAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private async ValueTask WriteFirstAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException) when (!_heard)
        {
            throw HungUp();
        }
    }

    // Without what the system says: that the connection broke is no help, and all that would be told.
    private static IOException HungUp() => new("it hung up before a word; where it is encrypted, " + Remedy);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}

using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary>
/// The body of an upload as the client's source: knows its length where the request said it, counts what arrives, and fails at
/// the end when it is not what was announced, before anything is committed. Read by one caller, asynchronously.
/// </summary>
internal sealed class UploadBody(HttpRequest request, ReprDigest? digest, BodyLoad.Body load) : Stream
{
    private readonly Stream _body = request.Body;
    private readonly long? _length = request.ContentLength;
    private long _position;
    private bool _ended;

    public override bool CanRead => true;

    /// <summary>As far as that says that the length is known; nobody seeks.</summary>
    public override bool CanSeek => _length is not null;

    public override bool CanWrite => false;

    public override long Length => _length ?? throw new NotSupportedException();

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await _body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (count > 0)
        {
            _position += count;
            load.Arrive(count);
            digest?.Append(buffer.Span[..count]);
        }
        else if (!buffer.IsEmpty && !_ended)
        {
            _ended = true;
            digest?.Check();
        }

        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }
}

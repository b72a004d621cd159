using BigFs.Core.Chunking;
using BigFs.Hosting.Gateway.Files;
using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Hosting.Gateway.Content;

/// <summary>
/// The content that a caller sends, as the stream that the client uploads. It ends with the caller's word that it is complete
/// and right; else it fails, and the upload with it. One reader.
/// </summary>
/// <param name="requests">The caller's messages after the header.</param>
/// <param name="header">What it said beforehand.</param>
/// <param name="limit">How long nothing may come.</param>
/// <param name="load">Counts what arrives.</param>
/// <param name="accept">Tells the caller that the cluster takes the upload: called before the first byte is needed.</param>
internal sealed class UploadedContent(
    IAsyncStreamReader<ContentMessage<UploadPart>> requests, UploadHeader header, StallLimit limit, BodyLoad.Body load, Func<Task> accept)
    : Stream
{
    private ContentMessage<UploadPart>? _current;
    private ReadOnlyMemory<byte> _left;
    private bool _isAccepted;
    private bool _isAtEnd;
    private long _size;
    private uint _crc32C;

    public override bool CanRead => true;

    /// <summary>Whether the length is known; a place cannot be sought all the same.</summary>
    public override bool CanSeek => header.HasSize;

    public override bool CanWrite => false;

    /// <summary>What the caller said; a hint, as with every stream that is uploaded.</summary>
    public override long Length => header.HasSize ? Math.Max(0, header.Size) : throw new NotSupportedException();

    public override long Position
    {
        get => _size;
        set => throw new NotSupportedException();
    }

    /// <summary>The caller's next message; null when it has closed its side.</summary>
    /// <exception cref="BigFsException">TimedOut: none came in time.</exception>
    public static async ValueTask<ContentMessage<UploadPart>?> NextAsync(
        IAsyncStreamReader<ContentMessage<UploadPart>> requests, StallLimit limit)
    {
        limit.Restart();
        try
        {
            return await requests.MoveNext(limit.Token) ? requests.Current : null;
        }
        catch (OperationCanceledException) when (limit.IsOver)
        {
            throw new BigFsException(BigFsErrorCode.TimedOut, $"The caller sent nothing for {limit.Time.TotalSeconds:0.###} s.");
        }
        finally
        {
            limit.Pause();
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_isAccepted)
        {
            _isAccepted = true;
            await accept();
        }

        while (_left.IsEmpty && !_isAtEnd)
        {
            await AdvanceAsync();
        }

        int count = Math.Min(_left.Length, buffer.Length);
        _left[..count].CopyTo(buffer);
        _left = _left[count..];
        _crc32C = Crc32C.Append(_crc32C, buffer.Span[..count]);
        _size += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _current?.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask AdvanceAsync()
    {
        _current?.Dispose();
        _current = await NextAsync(requests, limit)
            ?? throw new BigFsException(
                BigFsErrorCode.InvalidArgument, $"The upload of \"{header.Path}\" was closed without its end: nothing is stored.")
            {
                Path = header.Path,
            };
        switch (_current.Part)
        {
            case null when _current.Data.Length > ContentMethods.MaxDataBytes:
                throw Wire.Invalid($"a data message has {_current.Data.Length} bytes, more than {ContentMethods.MaxDataBytes}");
            case null:
                _left = _current.Data;
                load.Arrive(_left.Length);
                break;
            case { PartCase: UploadPart.PartOneofCase.End, End: { } end }:
                Check(end);
                _isAtEnd = true;
                break;
            default:
                throw Wire.Invalid("an upload is a header, data and an end");
        }
    }

    private void Check(UploadEnd end)
    {
        if (end.Size != _size || end.Crc32C != _crc32C || (header.HasCrc32C && header.Crc32C != _crc32C))
        {
            throw new BigFsException(
                BigFsErrorCode.Damaged,
                $"The content of \"{header.Path}\" arrived with {_size} bytes and the checksum {_crc32C:x8} instead of {end.Size} and {(header.HasCrc32C ? header.Crc32C : end.Crc32C):x8}: nothing is stored.")
            {
                Path = header.Path,
            };
        }
    }
}

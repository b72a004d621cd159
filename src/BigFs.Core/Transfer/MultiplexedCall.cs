using System.Collections.Immutable;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>
/// A request on a multiplexed connection that waits for its answer. Frames of the answer are given to it one by one, by
/// the task that receives.
/// </summary>
internal abstract class MultiplexedCall
{
    /// <summary>Whether the answer has begun, so that repeating the request is over.</summary>
    public bool Answered { get; private set; }

    /// <summary>Takes a frame of the answer; true when it was the last one.</summary>
    /// <param name="header">The frame.</param>
    /// <param name="content">Its bytes, good during the call.</param>
    /// <param name="peer">Who sent it.</param>
    /// <exception cref="TransferException">It does not belong there.</exception>
    public bool Take(FrameHeader header, ReadOnlySpan<byte> content, string peer)
    {
        Answered = true;
        return header.Type == FrameType.Error
            ? Refuse(Answers.Error(peer, header, header.RequestId, content))
            : TakeAnswer(header, content) ?? throw Answers.Malformed(peer);
    }

    /// <summary>Ends the call without an answer.</summary>
    public abstract void Fail(TransferException fault);

    /// <summary>Takes a frame that is no error; null when it does not belong there.</summary>
    protected abstract bool? TakeAnswer(FrameHeader header, ReadOnlySpan<byte> content);

    /// <summary>The peer refuses; always the last frame.</summary>
    protected abstract bool Refuse(ErrorAnswer error);
}

/// <summary>A write that waits for its acknowledgements.</summary>
internal sealed class MultiplexedWrite(WriteRequest request) : MultiplexedCall
{
    private readonly TaskCompletionSource<ChunkWriteResult> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends with the answer.</summary>
    public Task<ChunkWriteResult> Result => _source.Task;

    /// <inheritdoc/>
    public override void Fail(TransferException fault) => _source.TrySetException(fault);

    /// <inheritdoc/>
    protected override bool? TakeAnswer(FrameHeader header, ReadOnlySpan<byte> content)
    {
        if (header.Type != FrameType.Written || ChunkSender.Judge(WriteAnswer.Decode(content), request) is not { } result)
        {
            return null;
        }

        _source.TrySetResult(result);
        return true;
    }

    /// <inheritdoc/>
    protected override bool Refuse(ErrorAnswer error)
    {
        _source.TrySetResult(ChunkSender.Failure(error.Status, error.Node, error.Text));
        return true;
    }
}

/// <summary>A read of one block or less that waits for its bytes, which are verified before they are handed over.</summary>
internal sealed class MultiplexedRead(ChunkReference chunk, int offset, Memory<byte> destination) : MultiplexedCall
{
    private readonly TaskCompletionSource<(ChunkStatus Status, string Detail)> _source =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableArray<uint> _checksums;

    /// <summary>Ends with the answer; the destination is filled when it is Ok.</summary>
    public Task<(ChunkStatus Status, string Detail)> Result => _source.Task;

    /// <inheritdoc/>
    public override void Fail(TransferException fault) => _source.TrySetException(fault);

    /// <inheritdoc/>
    protected override bool? TakeAnswer(FrameHeader header, ReadOnlySpan<byte> content)
    {
        if (_checksums.IsDefault)
        {
            if (header.Type != FrameType.Reading || ReadAnswer.Decode(content) is not { } reading)
            {
                return null;
            }

            _checksums = ImmutableArray.Create(reading.BlockChecksums);
            if (reading.ChunkLength != chunk.Length || !BlockRange.Vouches(reading.BlockChecksums, chunk))
            {
                _source.TrySetResult((ChunkStatus.Damaged, "Length or block checksums are not those of the chunk's writer."));
            }

            return destination.IsEmpty ? End() : false;
        }

        (int start, int end) = BlockRange.Cover(offset, destination.Length, chunk.Length);
        if (header.Type != FrameType.Data || (content.Length != end - start && !_source.Task.IsCompleted))
        {
            return null;
        }

        return _source.Task.IsCompleted || Fill(content) ? End() : Damaged();
    }

    /// <inheritdoc/>
    protected override bool Refuse(ErrorAnswer error)
    {
        _source.TrySetResult((error.Status, error.Text));
        return true;
    }

    private bool Fill(ReadOnlySpan<byte> blocks)
    {
        using var range = new VerifiedRange(chunk.Length, _checksums.AsMemory(), offset, destination);
        while (range.Next(out _, out Memory<byte> piece))
        {
            blocks[..piece.Length].CopyTo(piece.Span);
            blocks = blocks[piece.Length..];
            if (!range.Accept(piece))
            {
                return false;
            }
        }

        return true;
    }

    private bool End()
    {
        _source.TrySetResult((ChunkStatus.Ok, ""));
        return true;
    }

    private bool Damaged()
    {
        _source.TrySetResult((ChunkStatus.Damaged, "A block does not match its checksum."));
        return true;
    }
}

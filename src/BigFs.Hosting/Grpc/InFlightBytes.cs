using System.IO.Pipelines;
using BigFs.Internal.Grpc;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace BigFs.Hosting.Grpc;

/// <summary>
/// Counts what of messages has arrived and waits for the rest, over all calls of a listener, and refuses calls with large
/// ones when it is too much: a message is held whole before it is read, and many callers may send large ones at once.
/// Thread-safe.
/// </summary>
internal sealed class InFlightBytes(long most)
{
    /// <summary>What a call may always hold: small calls go on while large ones are refused.</summary>
    private const int Free = 64 << 10;

    private long _held;

    /// <summary>The bytes held now, without those that are free.</summary>
    public long Held => Volatile.Read(ref _held);

    /// <summary>The step of a listener's pipeline that counts.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var body = new CountingBody(this, context.Request.BodyReader);
        context.Features.Set<IRequestBodyPipeFeature>(body);
        try
        {
            await next(context);
        }
        finally
        {
            body.Release();
        }
    }

    private void Change(ref long own, long now)
    {
        long counted = Math.Max(0, now - Free);
        long change = counted - Interlocked.Exchange(ref own, counted);
        if (change != 0 && Interlocked.Add(ref _held, change) > most && change > 0)
        {
            throw WireErrors.ToRpc(new BigFsException(
                BigFsErrorCode.Unavailable, $"The role holds {most} bytes of messages that are arriving, and takes no more for now."));
        }
    }

    /// <summary>A request's body, counted as it is buffered. Used by one call.</summary>
    private sealed class CountingBody(InFlightBytes all, PipeReader inner) : PipeReader, IRequestBodyPipeFeature
    {
        private long _own;

        public PipeReader Reader => this;

        public void Release() => all.Change(ref _own, 0);

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ReadResult result = await inner.ReadAsync(cancellationToken);
            all.Change(ref _own, result.Buffer.Length);
            return result;
        }

        public override bool TryRead(out ReadResult result)
        {
            bool read = inner.TryRead(out result);
            if (read)
            {
                all.Change(ref _own, result.Buffer.Length);
            }

            return read;
        }

        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null)
        {
            Release();
            inner.Complete(exception);
        }
    }
}

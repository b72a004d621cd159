namespace BigFs.Internal.Upload;

/// <summary>A writer on an upload that takes pieces.</summary>
internal sealed class UploadWriter : BigFsWriter
{
    private readonly ClientContext _context;
    private readonly IPieceSink _upload;
    private readonly UploadContent _content;
    private int _ended;
    private int _disposed;

    /// <summary>Makes a writer that owns the upload.</summary>
    public UploadWriter(ClientContext context, IPieceSink upload)
    {
        _context = context;
        _upload = upload;
        _content = new UploadContent(context, upload);
    }

    /// <inheritdoc/>
    public override Stream Content => _content;

    /// <inheritdoc/>
    public override async Task<UploadResult> CommitAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 1)
        {
            throw new InvalidOperationException("The writer has been committed or disposed; a file is committed once.");
        }

        await PublicDoor.LeaveContext();
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            _content.End();
            return await _upload.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                _upload.ThrowIfFailed();
                ObjectDisposedException.ThrowIf(_context.Stopping.IsCancellationRequested, typeof(BigFsClient));
            }

            throw new OperationCanceledException(exception.Message, exception, cancellationToken);
        }
        finally
        {
            await EndAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            await PublicDoor.LeaveContext();
            _content.Close();
            await EndAsync().ConfigureAwait(false);
        }
    }

    private ValueTask EndAsync() =>
        Interlocked.Exchange(ref _disposed, 1) == 0 ? _upload.DisposeAsync() : ValueTask.CompletedTask;
}

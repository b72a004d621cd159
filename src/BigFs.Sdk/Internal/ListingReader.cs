using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Metadata;

namespace BigFs.Internal;

/// <summary>
/// Reads a listing page by page over a stream that runs ahead as far as its flow control lets it. A stream that breaks is
/// opened again, through whichever file server, after the last entry that was read. Not thread-safe.
/// </summary>
internal sealed class ListingReader : IAsyncDisposable
{
    private readonly ControlCalls _control;
    private readonly CancellationTokenSource _end;
    private readonly CancellationToken _caller;
    private MetadataListRequest _request;
    private CancellationTokenSource? _open;
    private IAsyncEnumerator<EntryPage>? _pages;
    private Task<bool> _moving = Task.FromResult(false);

    /// <summary>Makes a reader; does no I/O.</summary>
    public ListingReader(ClientContext context, MetadataListRequest request, CancellationToken cancellationToken)
    {
        _control = context.Control;
        _request = request;
        _caller = cancellationToken;
        _end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, context.Stopping);
    }

    /// <summary>The next entries; empty at the end.</summary>
    /// <exception cref="BigFsException">As every call of the control plane.</exception>
    public Task<ImmutableArray<BigFsEntry>> NextAsync() => _control.RunAsync(_request.Directory, ReadAsync, _caller);

    /// <summary>Ends the stream.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        _end.Dispose();
    }

    private async ValueTask<ImmutableArray<BigFsEntry>> ReadAsync(IFileServer server, CancellationToken cancellationToken)
    {
        if (_pages is null)
        {
            _open = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            _pages = server.StreamAsync(_request, _open.Token).GetAsyncEnumerator(_open.Token);
        }

        try
        {
            // The stream outlives this call, whose token ends it all the same when there is no page in time.
            using CancellationTokenRegistration late =
                cancellationToken.UnsafeRegister(static open => ((CancellationTokenSource)open!).Cancel(), _open);
            _moving = _pages.MoveNextAsync().AsTask();
            if (!await _moving.ConfigureAwait(false))
            {
                return [];
            }

            ImmutableArray<BigFsEntry> entries = _pages.Current.Entries;
            string path = entries[^1].Path.ToString();
            _request = _request with { After = path[(_request.Directory.IsRoot ? 1 : _request.Directory.ToString().Length + 1)..] };
            return entries;
        }
        catch
        {
            await CloseAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask CloseAsync()
    {
        // A page that came too late may end here beside the reader's disposal.
        IAsyncEnumerator<EntryPage>? pages = Interlocked.Exchange(ref _pages, null);
        if (pages is null)
        {
            return;
        }

        // Not disposed of: a late call may still cancel it, and it holds nothing when the reader's own end has been.
        await _open!.CancelAsync().ConfigureAwait(false);
        await _moving.EndAsync().ConfigureAwait(false);
        await pages.DisposeAsync().ConfigureAwait(false);
    }
}

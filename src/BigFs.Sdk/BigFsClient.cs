using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Transfer;
using BigFs.Internal;
using BigFs.Internal.Download;
using BigFs.Internal.Gateway;
using BigFs.Internal.Upload;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs;

/// <summary>
/// The client of a BigFS cluster. Thread-safe and long-lived: make one, share it, dispose it when the application ends.
/// Constructors do no I/O; connections are made when they are first needed.
/// </summary>
public sealed class BigFsClient : IBigFsClient, IAsyncDisposable
{
    /// <summary>Entries of a page that comes over a stream, when the caller names no number: pages cost little then.</summary>
    private const int StreamedPage = 4000;

    private readonly ClientContext _context;

    /// <summary>
    /// Makes a client with default settings of the cluster at an endpoint: "bigfs://host:port" of its name server, or
    /// "http(s)://host:port" of a gateway, through which everything goes then.
    /// </summary>
    /// <exception cref="BigFsException">InvalidSettings: the endpoint is of another form.</exception>
    public BigFsClient(Uri endpoint)
        : this(new BigFsClientOptions { Endpoint = endpoint })
    {
    }

    /// <summary>Makes a client; the options are copied.</summary>
    /// <exception cref="BigFsException">InvalidSettings, with the setting's name.</exception>
    public BigFsClient(BigFsClientOptions options)
    {
        ClientSettings settings = ClientSettings.Of(options, remote: true);
        ILoggerFactory loggers = options.LoggerFactory ?? NullLoggerFactory.Instance;
        _context = new ClientContext(
            settings,
            () => RemoteSeams.Create(settings, loggers),
            ownsSeams: true,
            TimeProvider.System,
            loggers.CreateLogger<BigFsClient>());
    }

    /// <summary>
    /// Makes a client on seams that someone else owns: the way of a cluster in the same process. The endpoint is not used.
    /// </summary>
    internal BigFsClient(
        BigFsClientOptions options, IFileServer fileServer, IChunkTransport transport, TimeProvider? time = null)
        : this(options, new ClientSeams { FileServer = fileServer, Transport = transport }, time)
    {
        ArgumentNullException.ThrowIfNull(fileServer);
        ArgumentNullException.ThrowIfNull(transport);
    }

    /// <summary>The same on seams of either kind.</summary>
    internal BigFsClient(BigFsClientOptions options, ClientSeams seams, TimeProvider? time = null)
    {
        ClientSettings settings = ClientSettings.Of(options, remote: false);
        _context = new ClientContext(
            settings,
            () => seams,
            ownsSeams: false,
            time ?? TimeProvider.System,
            (options.LoggerFactory ?? NullLoggerFactory.Instance).CreateLogger<BigFsClient>());
    }

    /// <inheritdoc/>
    public Task<UploadResult> UploadAsync(
        BigFsPath path, Stream content, UploadOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        return EnterAsync(
            () => RunUploadAsync(UploadPlan.Of(path, options), content, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<BigFsWriter> OpenWriteAsync(
        BigFsPath path, UploadOptions? options = null, CancellationToken cancellationToken = default) =>
        EnterAsync<BigFsWriter>(
            async () =>
            {
                UploadPlan plan = UploadPlan.Of(path, options);
                IPieceSink upload = _context.Gateway is null
                    ? await ChunkUpload.BeginAsync(
                        _context, plan, length: null, CancellationToken.None, cancellationToken).ConfigureAwait(false)
                    : await GatewayUpload.BeginAsync(_context, plan with { Inline = false, CheckedFirst = true }, cancellationToken).ConfigureAwait(false);
                return new UploadWriter(_context, upload);
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<BigFsFile> DownloadAsync(
        BigFsPath path, Stream destination, DownloadOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        return EnterAsync(
            () => StreamDownload.RunAsync(_context, path, destination, options, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<BigFsReadStream> OpenReadAsync(
        BigFsPath path, DownloadOptions? options = null, CancellationToken cancellationToken = default) =>
        EnterAsync<BigFsReadStream>(
            async () =>
            {
                DownloadOptions chosen = options ?? new DownloadOptions();
                OptionChecks.Within(path, nameof(chosen.Concurrency), chosen.Concurrency, 1, OptionChecks.MaxConcurrency);
                ChunkReader reader = await ChunkReader.OpenAsync(_context, path, chosen, cancellationToken).ConfigureAwait(false);
                return new FileReadStream(_context, reader, chosen);
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<BigFsEntry?> FindAsync(BigFsPath path, CancellationToken cancellationToken = default) =>
        ControlAsync(path, (server, token) => server.FindAsync(path, token), cancellationToken);

    /// <inheritdoc/>
    public Task<BigFsEntry?> FindStaleAsync(BigFsPath path, TimeSpan maxStaleness, CancellationToken cancellationToken = default)
    {
        OptionChecks.CheckStaleness(path, maxStaleness);
        return maxStaleness > TimeSpan.Zero
            ? ControlAsync(path, (server, token) => server.FindStaleAsync(path, maxStaleness, token), cancellationToken)
            : FindAsync(path, cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<BigFsEntry> ListAsync(
        BigFsPath directory,
        ListOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        MetadataListRequest request = Request(directory, options, StreamedPage);
        await using var reader = new ListingReader(_context, request, cancellationToken);
        while (true)
        {
            ImmutableArray<BigFsEntry> entries = await EnterAsync(reader.NextAsync, cancellationToken).ConfigureAwait(false);
            if (entries.IsEmpty)
            {
                yield break;
            }

            foreach (BigFsEntry entry in entries)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return entry;
            }
        }
    }

    /// <inheritdoc/>
    public Task<BigFsPage> ListPageAsync(
        BigFsPath directory, ListOptions? options = null, CancellationToken cancellationToken = default) =>
        EnterAsync(
            async () =>
            {
                MetadataListRequest request = Request(directory, options, new ListOptions().PageSize);
                MetadataPage page = await _context.Control.RunAsync(
                    directory, (server, token) => server.ListAsync(request, token), cancellationToken).ConfigureAwait(false);
                return new BigFsPage
                {
                    Entries = page.Entries,
                    ContinuationToken = page.Next is { } after ? ListingToken.Write(request, after) : null,
                };
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task CreateDirectoryAsync(BigFsPath path, CancellationToken cancellationToken = default)
    {
        var operation = Guid.NewGuid();
        return ControlAsync(
            path,
            async ValueTask<bool> (server, token) =>
            {
                await server.CreateDirectoryAsync(operation, path, token).ConfigureAwait(false);
                return true;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> DeleteAsync(
        BigFsPath path, DeleteOptions? options = null, CancellationToken cancellationToken = default)
    {
        var request = new DeleteRequest
        {
            Operation = Guid.NewGuid(),
            Path = path,
            Recursive = options?.Recursive ?? false,
            Version = options?.Version,
        };
        return ControlAsync(path, (server, token) => server.DeleteAsync(request, token), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<BigFsEntry> MoveAsync(
        BigFsPath source, BigFsPath destination, MoveOptions? options = null, CancellationToken cancellationToken = default)
    {
        var request = new MoveRequest
        {
            Operation = Guid.NewGuid(),
            Source = source,
            Destination = destination,
            Overwrite = options?.Overwrite ?? false,
        };
        return ControlAsync(source, (server, token) => server.MoveAsync(request, token), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<BigFsTotals> GetTotalsAsync(
        BigFsPath path, IProgress<BigFsTotals>? progress = null, CancellationToken cancellationToken = default) =>
        EnterAsync(() => TotalsRun.RunAsync(_context, path, progress, cancellationToken), cancellationToken);

    /// <summary>
    /// Ends what is under way and closes the connections; transfers that run fail with
    /// <see cref="ObjectDisposedException"/>. Disposing twice is fine.
    /// </summary>
    public ValueTask DisposeAsync() => _context.DisposeAsync();

    /// <summary>
    /// Uploads under an identity of the caller's choice, for who may have to do it again without knowing what became of the
    /// first time: with the same one the cluster makes the file once.
    /// </summary>
    /// <exception cref="BigFsException">SessionExpired: that identity was ended before it made the file, and never will.</exception>
    internal Task<UploadResult> UploadAsync(
        Guid operation,
        BigFsPath path,
        Stream content,
        UploadOptions options,
        bool checkedFirst,
        CancellationToken cancellationToken) =>
        EnterAsync(
            () => RunUploadAsync(
                UploadPlan.Of(path, options).As(operation) with { CheckedFirst = checkedFirst }, content, cancellationToken),
            cancellationToken);

    /// <summary>Opens a version of a file for reading ranges of it: the one that stands there, or the one that is named.</summary>
    internal Task<PinnedFile> OpenVersionAsync(
        BigFsPath path, BigFsVersion? version, TimeSpan maxStaleness, CancellationToken cancellationToken) =>
        EnterAsync(() => PinnedFile.OpenAsync(_context, path, version, maxStaleness, cancellationToken), cancellationToken);

    private Task<UploadResult> RunUploadAsync(UploadPlan plan, Stream content, CancellationToken cancellationToken) =>
        _context.Gateway is null
            ? StreamUpload.RunAsync(_context, plan, content, cancellationToken)
            : GatewayUpload.RunAsync(_context, plan, content, cancellationToken);

    private static MetadataListRequest Request(BigFsPath directory, ListOptions? options, int pageSize)
    {
        int limit = options?.PageSize ?? pageSize;
        OptionChecks.Within(directory, nameof(ListOptions.PageSize), limit, 1, Core.Model.Limits.MaxPageSize);
        var request = new MetadataListRequest
        {
            Directory = directory,
            After = options?.StartAfter ?? "",
            Prefix = options?.Prefix ?? "",
            Recursive = options?.Recursive ?? false,
            Limit = limit,
        };
        return options?.ContinuationToken is { } token
            ? request with { After = ListingToken.Read(request, token) }
            : request;
    }

    private Task<T> ControlAsync<T>(
        BigFsPath path, Func<IFileServer, CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken) =>
        EnterAsync(() => _context.Control.RunAsync(path, call, cancellationToken), cancellationToken);

    /// <summary>The public door: leaves the caller's context, and tells whose cancellation it was.</summary>
    private async Task<T> EnterAsync<T>(Func<Task<T>> operation, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_context.Stopping.IsCancellationRequested, this);
        cancellationToken.ThrowIfCancellationRequested();
        await PublicDoor.LeaveContext();
        try
        {
            return await operation().ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (
            cancellationToken.IsCancellationRequested && exception.CancellationToken != cancellationToken)
        {
            throw new OperationCanceledException(exception.Message, exception, cancellationToken);
        }
        catch (OperationCanceledException exception) when (
            !cancellationToken.IsCancellationRequested && _context.Stopping.IsCancellationRequested)
        {
            throw new ObjectDisposedException("The client was disposed while it was at work.", exception);
        }
    }
}

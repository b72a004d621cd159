using BigFs.Cli.Commands;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;
using BigFs.Cli.Progress;

namespace BigFs.Cli.Copying;

/// <summary>Carries out a copy by the SDK: its files, several at a time when there are many, each told on its own.</summary>
internal sealed class CopyRun(CommandContext context, CopyRequest request)
{
    /// <summary>Files on their way at once, and the chunks of each: memory stays at 8 chunks of 8 MiB.</summary>
    private const int FilesAtOnce = 4;
    private const int ChunksOfManyFiles = 2;
    private const int ChunksOfOneFile = 4;

    private readonly bool _isUpload = RemotePath.IsRemote(request.Destination);
    private readonly bool _isSingle = request.Sources.Count == 1 && !request.Recursive;
    private readonly Each _each = new(context);

    private int Concurrency => _isSingle ? ChunksOfOneFile : ChunksOfManyFiles;

    /// <summary>Copies everything.</summary>
    /// <returns>The exit code.</returns>
    public Task<int> RunAsync(CancellationToken cancellationToken)
    {
        string label = _isSingle ? Path.GetFileName(request.Sources[0].TrimEnd('/')) : _isUpload ? "upload" : "download";
        return TransferDisplay.RunAsync(context, label, total => RunAsync(total, cancellationToken));
    }

    private async Task<int> RunAsync(TransferTotal total, CancellationToken cancellationToken)
    {
        IAsyncEnumerable<CopyItem> items = _isUpload
            ? UploadPlan.MakeAsync(context, request, cancellationToken)
            : DownloadPlan.MakeAsync(context, request, cancellationToken);
        var parallel = new ParallelOptions
        {
            // Standard output takes one file after the other; a folder's files go several at a time by themselves.
            MaxDegreeOfParallelism = request.Recursive || request.Destination == CopyRequest.Standard ? 1 : FilesAtOnce,
            CancellationToken = cancellationToken,
        };
        await Parallel.ForEachAsync(items, parallel, async (item, token) =>
            await _each.RunAsync(() => CopyAsync(item, total, token), cancellationToken));
        return _each.Finish(cancellationToken);
    }

    private Task CopyAsync(CopyItem item, TransferTotal total, CancellationToken cancellationToken)
    {
        IProgress<long> progress = total.Add(item.Length);
        return item.Obstacle is not null ? Task.FromException(item.Obstacle)
            : item.IsFolder ? CopyFolderAsync(item, progress, cancellationToken)
            : CopyFileAsync(item, progress, cancellationToken);
    }

    private async Task CopyFileAsync(CopyItem item, IProgress<long> progress, CancellationToken cancellationToken)
    {
        long start = context.Environment.Time.GetTimestamp();
        (BigFsFile file, DurabilityReceipt? receipt) = _isUpload
            ? await UploadAsync(item, UploadOptions(progress), cancellationToken)
            : (await DownloadAsync(item, DownloadOptions(progress), cancellationToken), null);
        TimeSpan elapsed = context.Environment.Time.GetElapsedTime(start);
        Tell(new FileTransferResult { LocalPath = item.Local, Path = item.Remote, Receipt = receipt, Elapsed = elapsed }, file);
    }

    private Task CopyFolderAsync(CopyItem item, IProgress<long> progress, CancellationToken cancellationToken)
    {
        var each = new Told(result => Note(result, cancellationToken));
        return _isUpload
            ? context.Client.UploadDirectoryAsync(
                item.Remote,
                item.Local,
                new UploadDirectoryOptions
                {
                    Parallelism = FilesAtOnce,
                    Upload = UploadOptions(null),
                    BytesProgress = progress,
                    Progress = each,
                },
                cancellationToken)
            : context.Client.DownloadDirectoryAsync(
                item.Remote,
                item.Local,
                new DownloadDirectoryOptions
                {
                    Parallelism = FilesAtOnce,
                    Download = DownloadOptions(null),
                    BytesProgress = progress,
                    Progress = each,
                },
                cancellationToken);
    }

    private async Task<(BigFsFile File, DurabilityReceipt Receipt)> UploadAsync(
        CopyItem item, UploadOptions options, CancellationToken cancellationToken)
    {
        UploadResult result = item.Local == CopyRequest.Standard
            ? await context.Client.UploadAsync(item.Remote, context.Console.Input, options, cancellationToken)
            : await context.Client.UploadFileAsync(item.Remote, item.Local, options, cancellationToken);
        return (result.File, result.Receipt);
    }

    private Task<BigFsFile> DownloadAsync(CopyItem item, DownloadOptions options, CancellationToken cancellationToken)
    {
        if (item.Local != CopyRequest.Standard)
        {
            return context.Client.DownloadFileAsync(item.Remote, item.Local, options, cancellationToken);
        }

        context.Console.Flush();
        return context.Client.DownloadAsync(item.Remote, context.Console.OutputStream, options, cancellationToken);
    }

    private UploadOptions UploadOptions(IProgress<long>? progress) => new()
    {
        Replicas = request.Replicas,
        Precondition = request.Precondition,
        Progress = progress,
        Concurrency = Concurrency,
    };

    private DownloadOptions DownloadOptions(IProgress<long>? progress) => new()
    {
        Progress = progress,
        Concurrency = Concurrency,
    };

    /// <summary>Tells and counts what became of one entry of a folder.</summary>
    private void Note(FileTransferResult result, CancellationToken cancellationToken)
    {
        if (result.Error is not null)
        {
            _each.Failed(result.Error, cancellationToken);
        }
        else if (result.Skipped is { } why)
        {
            TellSkipped(result, why);
        }
        else
        {
            _each.Done();
            if (result.File is { } file)
            {
                Tell(result, file);
            }
        }
    }

    private void Tell(FileTransferResult result, BigFsFile file)
    {
        if (!context.Json)
        {
            context.Say(CopyOutput.Line(result, file));
        }
        else if (result.LocalPath == CopyRequest.Standard && !_isUpload)
        {
            // Standard output holds the file's own bytes: the report goes where it cannot spoil them.
            JsonLine.Write(context.Console.Error, writer => CopyOutput.WriteJson(writer, result, file));
        }
        else
        {
            context.WriteJson(writer => CopyOutput.WriteJson(writer, result, file));
        }
    }

    private void TellSkipped(FileTransferResult result, string why)
    {
        if (context.Json)
        {
            context.WriteJson(writer => CopyOutput.WriteSkippedJson(writer, result, why));
        }
        else
        {
            // Also when quiet: who copies a folder has to know what is not in the copy.
            context.Console.Error.WriteLine($"bigfs: \"{Text.Visible(result.LocalPath)}\" is left out: {why}.");
        }
    }

    /// <summary>Told on the transfer's own flow, where <see cref="Progress{T}"/> would tell later and in another order.</summary>
    private sealed class Told(Action<FileTransferResult> tell) : IProgress<FileTransferResult>
    {
        public void Report(FileTransferResult value) => tell(value);
    }
}

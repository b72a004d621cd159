using BigFs.Cli.Commands;
using BigFs.Cli.Output;
using BigFs.Cli.Paths;
using BigFs.Cli.Progress;

namespace BigFs.Cli.Copying;

/// <summary>Carries out a copy: its files, several at a time when there are many, each reported on its own.</summary>
internal sealed class CopyRun(CommandContext context, CopyRequest request)
{
    /// <summary>Files on their way at once, and the chunks of each: memory stays at 8 chunks of 8 MiB.</summary>
    private const int FilesAtOnce = 4;
    private const int ChunksOfManyFiles = 2;
    private const int ChunksOfOneFile = 4;

    private readonly bool _isUpload = RemotePath.IsRemote(request.Destination);
    private readonly bool _isSingle = request.Sources.Count == 1 && !request.Recursive;
    private readonly Each _each = new(context);

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
            // Standard output takes one file after the other.
            MaxDegreeOfParallelism = request.Destination == CopyRequest.Standard ? 1 : FilesAtOnce,
            CancellationToken = cancellationToken,
        };
        await Parallel.ForEachAsync(items, parallel, async (item, token) =>
            await _each.RunAsync(() => CopyAsync(item, total, token), cancellationToken));
        return _each.Finish(cancellationToken);
    }

    private async Task CopyAsync(CopyItem item, TransferTotal total, CancellationToken cancellationToken)
    {
        if (item.Obstacle is not null)
        {
            throw item.Obstacle;
        }

        if (item.IsDirectory)
        {
            await MakeDirectoryAsync(item, cancellationToken);
            return;
        }

        long start = context.Environment.Time.GetTimestamp();
        IProgress<long> progress = total.Add(item.Length);
        (BigFsFile file, DurabilityReceipt? receipt) = _isUpload
            ? await UploadAsync(item, progress, cancellationToken)
            : (await DownloadAsync(item, progress, cancellationToken), null);
        Tell(item, file, receipt, context.Environment.Time.GetElapsedTime(start));
    }

    private Task MakeDirectoryAsync(CopyItem item, CancellationToken cancellationToken)
    {
        if (_isUpload)
        {
            return context.Client.CreateDirectoryAsync(item.Remote, cancellationToken);
        }

        Directory.CreateDirectory(item.Local);
        return Task.CompletedTask;
    }

    private async Task<(BigFsFile File, DurabilityReceipt Receipt)> UploadAsync(
        CopyItem item, IProgress<long> progress, CancellationToken cancellationToken)
    {
        var options = new UploadOptions
        {
            Replicas = request.Replicas,
            Precondition = request.Precondition,
            Progress = progress,
            Concurrency = _isSingle ? ChunksOfOneFile : ChunksOfManyFiles,
        };
        if (item.Local == CopyRequest.Standard)
        {
            UploadResult fromInput = await context.Client.UploadAsync(item.Remote, context.Console.Input, options, cancellationToken);
            return (fromInput.File, fromInput.Receipt);
        }

        await using FileStream content = LocalFile.OpenRead(item.Local);
        UploadResult result = await context.Client.UploadAsync(item.Remote, content, options, cancellationToken);
        return (result.File, result.Receipt);
    }

    private async Task<BigFsFile> DownloadAsync(CopyItem item, IProgress<long> progress, CancellationToken cancellationToken)
    {
        var options = new DownloadOptions
        {
            Progress = progress,
            Concurrency = _isSingle ? ChunksOfOneFile : ChunksOfManyFiles,
        };
        if (item.Local == CopyRequest.Standard)
        {
            context.Console.Flush();
            return await context.Client.DownloadAsync(item.Remote, context.Console.OutputStream, options, cancellationToken);
        }

        return await LocalFile.WriteAsync(
            item.Local,
            destination => context.Client.DownloadAsync(item.Remote, destination, options, cancellationToken));
    }

    private void Tell(CopyItem item, BigFsFile file, DurabilityReceipt? receipt, TimeSpan time)
    {
        if (!context.Json)
        {
            context.Say(CopyOutput.Line(item, file, receipt, time));
        }
        else if (item.Local == CopyRequest.Standard && !_isUpload)
        {
            // Standard output holds the file's own bytes: the report goes where it cannot spoil them.
            JsonLine.Write(context.Console.Error, writer => CopyOutput.WriteJson(writer, item, file, receipt, time));
        }
        else
        {
            context.WriteJson(writer => CopyOutput.WriteJson(writer, item, file, receipt, time));
        }
    }
}
